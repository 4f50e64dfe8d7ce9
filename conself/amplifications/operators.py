"""Operators: one small change to a value that keeps its type."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TypeVar

from conself.amplifications.paths import written
from conself.sandbox.sources import Value

_LARGEST = 10**18
"""Larger ints are left as they are: doubled a few times their text would fill the input."""

Operator = Callable[[Value, Sequence[Value], Random], Value]
"""A value, the values of its type at the same path in the problem's inputs, and a generator -> another value."""

Rows = TypeVar("Rows", list[Value], tuple[Value, ...], str)


def _flip(value: Value, others: Sequence[Value], rng: Random) -> Value:  # noqa: ARG001
    return not value


def _step(value: Value, others: Sequence[Value], rng: Random) -> Value:  # noqa: ARG001
    return value + rng.choice((-2, -1, 1, 2))


def _scale(value: Value, others: Sequence[Value], rng: Random) -> Value:  # noqa: ARG001
    return rng.choice((value * 2, -value, value // 2))


def _small(value: Value, others: Sequence[Value], rng: Random) -> Value:  # noqa: ARG001
    return type(value)(rng.choice((0, 1, 2, -1)))


def _between(value: Value, others: Sequence[Value], rng: Random) -> Value:
    low, high = min(others), max(others)
    return rng.randint(low, high) if isinstance(value, int) else round(rng.uniform(low, high), 2)


def _round(value: Value, others: Sequence[Value], rng: Random) -> Value:  # noqa: ARG001
    return float(round(value)) + rng.choice((0.0, 0.5))


def _take(value: Value, others: Sequence[Value], rng: Random) -> Value:  # noqa: ARG001
    return rng.choice(others)


def _drop(value: Rows, others: Sequence[Value], rng: Random) -> Rows:  # noqa: ARG001
    place = rng.randrange(len(value)) if value else 0
    return value[:place] + value[place + 1 :]


def _repeat(value: Rows, others: Sequence[Value], rng: Random) -> Rows:
    """Repeat an item elsewhere; in an empty value insert an item of another one."""
    return _with_one_of(value or rng.choice(others), value, rng)


def _insert(value: Rows, others: Sequence[Value], rng: Random) -> Rows:
    """Insert an item of another value."""
    return _with_one_of(rng.choice(others), value, rng)


def _with_one_of(source: Value, value: Rows, rng: Random) -> Rows:
    if not source:
        return value
    item, place = rng.randrange(len(source)), rng.randrange(len(value) + 1)
    inserted: Rows = value[:place] + source[item : item + 1] + value[place:]
    return inserted


def _replace(value: Rows, others: Sequence[Value], rng: Random) -> Rows:
    """Replace an item."""
    source = rng.choice((value, rng.choice(others)))
    if not source or not value:
        return value
    item, place = rng.randrange(len(source)), rng.randrange(len(value))
    replaced: Rows = value[:place] + source[item : item + 1] + value[place + 1 :]
    return replaced


def _swap(value: Rows, others: Sequence[Value], rng: Random) -> Rows:  # noqa: ARG001
    if len(value) < 2:
        return value
    one, other = sorted(rng.sample(range(len(value)), 2))
    swapped: Rows = (
        value[:one] + value[other : other + 1] + value[one + 1 : other] + value[one : one + 1] + value[other + 1 :]
    )
    return swapped


def _reverse(value: Rows, others: Sequence[Value], rng: Random) -> Rows:  # noqa: ARG001
    return value[::-1]


def _cut(value: Rows, others: Sequence[Value], rng: Random) -> Rows:  # noqa: ARG001
    if len(value) < 2:
        return value
    size = rng.randint(1, len(value) - 1)
    return value[:size] if rng.random() < 0.5 else value[-size:]


def _join(value: Rows, others: Sequence[Value], rng: Random) -> Rows:
    joined: Rows = value + rng.choice(others)
    return joined


def _swap_case(value: Value, others: Sequence[Value], rng: Random) -> Value:  # noqa: ARG001
    if not value:
        return value
    place = rng.randrange(len(value))
    return value[:place] + value[place].swapcase() + value[place + 1 :]


def _remove(value: Value, others: Sequence[Value], rng: Random) -> Value:  # noqa: ARG001
    """Remove an item of a set or dict."""
    left = sorted(value, key=written)
    if left:
        left.pop(rng.randrange(len(left)))
    return {key: value[key] for key in left} if isinstance(value, dict) else set(left)


def _unite(value: Value, others: Sequence[Value], rng: Random) -> Value:
    """Add an item of another set or dict."""
    other = rng.choice(others)
    if not other:
        return value
    item = rng.choice(sorted(other, key=written))
    return {**value, item: other[item]} if isinstance(value, dict) else value | {item}


_ROWS = {
    "drop": _drop,
    "repeat": _repeat,
    "insert": _insert,
    "replace": _replace,
    "swap": _swap,
    "reverse": _reverse,
    "cut": _cut,
    "join": _join,
    "take": _take,
}
OPERATORS: Mapping[type, Mapping[str, Operator]] = {
    bool: {"flip": _flip},
    int: {"step": _step, "scale": _scale, "small": _small, "between": _between, "take": _take},
    float: {"step": _step, "scale": _scale, "small": _small, "between": _between, "round": _round, "take": _take},
    str: {**_ROWS, "swap_case": _swap_case},
    list: _ROWS,
    tuple: _ROWS,
    set: {"remove": _remove, "unite": _unite, "take": _take},
    dict: {"remove": _remove, "unite": _unite, "take": _take},
}
"""By the value's own type. A value of any other type (None, bytes) stays as it is."""


def is_changeable(value: Value) -> bool:
    """Return whether there is an operator for a value of this type and size."""
    is_large = type(value) is int and abs(value) > _LARGEST
    is_odd = type(value) is float and not abs(value) < _LARGEST
    return type(value) in OPERATORS and not is_large and not is_odd
