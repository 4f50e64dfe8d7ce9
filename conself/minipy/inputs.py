"""Test inputs: twelve different values per problem, edge cases first, near the parameters of the steps."""

import random
from collections.abc import Callable, Sequence

from conself.minipy.primitives.base import Kind

COUNT = 12

Value = list[int] | int | str


def draw_inputs(kind: Kind, ks: Sequence[int], rng: random.Random) -> list[Value]:
    """Draw values of a kind: ``ks`` are the parameters whose neighbourhood is worth testing.

    Lists have 0-8 numbers in [-99, 99], strings 0-10 letters and spaces, ints lie in [-299, 299].
    """
    makers: dict[Kind, Callable[[int, Sequence[int], random.Random], Value]] = {
        Kind.LIST: _list,
        Kind.INT: _int,
        Kind.STR: lambda index, _, rng: _str(index, rng),
    }
    values: list[Value] = []
    while len(values) < COUNT:
        value = makers[kind](len(values), ks, rng)
        if value not in values:
            values.append(value)
    return values


def literal(value: Value) -> str:
    """Write the literal of the tuple of arguments."""
    return repr((value,))


def _number(ks: Sequence[int], rng: random.Random) -> int:
    if ks and rng.random() < 0.3:
        k = rng.choice(ks)
        return rng.choice((k, k, k + 1, k - 1, -k, 2 * k))
    return rng.randint(-9, 15)


def _list(index: int, ks: Sequence[int], rng: random.Random) -> list[int]:
    if index == 0:
        return []
    if index == 1:
        return [_number(ks, rng)]
    if index == 2:  # no number above zero
        return [-rng.randint(1, 20) for _ in range(rng.randint(2, 4))]
    if index == 3:  # zero beside both signs
        values = [0, -rng.randint(1, 9), rng.randint(1, 15), _number(ks, rng)]
        rng.shuffle(values)
        return values
    values = [_number(ks, rng) for _ in range(rng.randint(3, 8))]
    if index == 4 or rng.random() < 0.5:  # a repeated number, often the largest
        values[rng.randrange(len(values))] = max(values) if rng.random() < 0.5 else rng.choice(values)
    if index == 4:
        values[0] = values[-1]
    return values


def _int(index: int, ks: Sequence[int], rng: random.Random) -> int:
    if index == 0:
        return 0
    if index in (1, 2):
        return rng.randint(1, 9) * (1 if index == 1 else -1)
    if index == 3:
        return -rng.randint(10, 99)
    if index in (4, 5) and ks:
        return rng.choice(ks) * rng.choice((1, 2, 3)) + rng.choice((0, 0, 1, -1))
    return rng.choice((-1, 1)) * rng.choice((rng.randint(2, 40), rng.randint(10, 299)))


_LETTERS = "aaeeiou" + "bcdfghklmnprstwy"


def _word(length: int, rng: random.Random) -> str:
    letters = (rng.choice(_LETTERS) for _ in range(length))
    return "".join(c.upper() if rng.random() < 0.35 else c for c in letters)


def _str(index: int, rng: random.Random) -> str:
    if index == 0:
        return ""
    if index == 1:
        return _word(1, rng)
    if index == 2:
        return _word(rng.randint(5, 8), rng)
    if index == 3:  # doubled letters and a gap of two spaces
        letter = _word(1, rng)
        return f"{letter}{letter}{_word(1, rng)}  {_word(rng.randint(1, 4), rng)}"
    if index == 4:  # spaces around
        return f" {_word(rng.randint(2, 4), rng)} {_word(rng.randint(1, 3), rng)} "
    parts = [_word(rng.randint(1, 4), rng) for _ in range(rng.randint(1, 3))]
    text = (" " if rng.random() < 0.8 else "  ").join(parts)
    return text[:10]
