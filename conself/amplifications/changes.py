"""Change an input by an operator of the right type at one place in its arguments."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

from conself.amplifications.operators import OPERATORS, is_changeable
from conself.amplifications.paths import Arguments, Path
from conself.amplifications.relations import put
from conself.sandbox.sources import Value

Where = tuple[Value, ...]
"""How to get to a place inside a value: indices of items, keys of a dict."""
CROSS = "cross"
"""An argument of another input in the place of one's own."""


def changed(
    arguments: Arguments, inputs: Sequence[Arguments], observed: Mapping[Path, Sequence[Value]], rng: Random
) -> tuple[Arguments, str] | None:
    """Return an input with one change and the operator's name; None if nothing in it can be changed.

    An argument is chosen first, then a place in it: a long list is changed no more often than a number beside it.

    Args:
        arguments: the input.
        inputs: all of the problem's original inputs, of the same arity.
        observed: their values, by path (:func:`conself.amplifications.paths.gathered`).
        rng: draws argument, place, operator and its details.
    """
    if not arguments:
        return None
    position = rng.randrange(len(arguments))
    if len(inputs) > 1 and len(arguments) > 1 and rng.random() < 0.2:
        return put(arguments, position, rng.choice(inputs)[position]), CROSS
    places = list(_places(arguments[position], ()))
    outer, inner = [where for where, _ in places if not where], [each for each in places if each[0]]
    if not places:
        return None
    where, steps = rng.choice(inner) if inner and (not outer or rng.random() < 0.5) else places[0]
    value = _at(arguments[position], where)
    others = [
        other for other in observed.get((position, steps), ()) if type(other) is type(value) and is_changeable(other)
    ]
    operators = OPERATORS[type(value)]
    name = rng.choice(list(operators))
    new = operators[name](value, others or [value], rng)
    return put(arguments, position, _with(arguments[position], where, new)), name


def _places(value: Value, where: Where, steps: str = "") -> Iterator[tuple[Where, str]]:
    """Yield the places of values that can be changed, with their paths; sets are changed as a whole."""
    if is_changeable(value):
        yield where, steps
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _places(item, (*where, index), f"{steps}*")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*where, key), f"{steps}v")


def _at(value: Value, where: Where) -> Value:
    for step in where:
        value = value[step]
    return value


def _with(value: Value, where: Where, new: Value) -> Value:
    """Copy ``value`` with a new value at a place."""
    if not where:
        return new
    step, rest = where[0], where[1:]
    if isinstance(value, dict):
        return {**value, step: _with(value[step], rest, new)}
    return value[:step] + type(value)([_with(value[step], rest, new)]) + value[step + 1 :]
