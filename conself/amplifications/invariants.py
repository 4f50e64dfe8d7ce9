"""The table of invariants that all original inputs of a problem have, and that new inputs keep.

A few inputs cannot prove a precondition; a property that all of them share is likely to be part of it. Daikon infers
likely invariants of variables in the same way (Ernst et al., Science of Computer Programming 69, 2007).
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from conself.amplifications.finders import RELATIONS
from conself.amplifications.paths import Arguments, Path, gathered, is_number, values_at, written
from conself.amplifications.relations import Relation, Relations
from conself.sandbox.sources import Value

Holds = Callable[[Value], bool]
Kind = Callable[[Sequence[Value]], Holds | None]
"""A function from all values at one path to their common property; None if they have no such property."""

_SPREAD = 2
"""So many times as wide as the own numbers' range, and as long as the longest, new ones may be."""


def types(values: Sequence[Value]) -> Holds:
    """Each value has a type that occurs there."""
    types_of_values = {type(value) for value in values}
    return lambda value: type(value) in types_of_values


def sign(values: Sequence[Value]) -> Holds | None:
    """No number is negative, nor 0 if none of the original ones is."""
    numbers = [value for value in values if is_number(value)]
    if not numbers or min(numbers) < 0:
        return None
    has_zero = min(numbers) == 0
    return lambda value: not is_number(value) or value > 0 or (has_zero and value == 0)


def ranges(values: Sequence[Value]) -> Holds | None:
    """Numbers lie near the original ones."""
    numbers = [value for value in values if is_number(value)]
    if not numbers:
        return None
    low, high = min(numbers), max(numbers)
    room = max((_SPREAD - 1) * (high - low), abs(low), abs(high), 2)
    return lambda value: not is_number(value) or low - room <= value <= high + room


def characters(values: Sequence[Value]) -> Holds | None:
    """Texts consist of the classes of characters of the original ones."""
    texts = [value for value in values if isinstance(value, str)]
    if not texts:
        return None
    classes = {_class(character) for text in texts for character in text}
    return lambda value: not isinstance(value, str) or classes.issuperset(map(_class, value))


def _class(character: str) -> str:
    """Return the class of a letter or digit; any other character is its own class."""
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return ("lower" if character.islower() else "upper") + ("" if character.isascii() else character)
    return character


def lengths(values: Sequence[Value]) -> Holds | None:
    """Nothing is empty unless an original value is, and nothing is much longer than twice the longest."""
    sizes = [len(value) for value in values if isinstance(value, str | list | tuple | set | dict)]
    if not sizes:
        return None
    least, most = min(1, min(sizes)), _SPREAD * max(sizes) + 2
    return lambda value: not hasattr(value, "__len__") or least <= len(value) <= most


def ascending(values: Sequence[Value]) -> Holds | None:
    """Lists are sorted, smallest first."""
    return _ordered(values, lambda a, b: bool(a <= b))


def descending(values: Sequence[Value]) -> Holds | None:
    """Lists are sorted, largest first."""
    return _ordered(values, lambda a, b: bool(a >= b))


def _ordered(values: Sequence[Value], in_order: Callable[[Value, Value], bool]) -> Holds | None:
    def holds(value: Value) -> bool:
        try:
            return not isinstance(value, list | tuple) or all(in_order(a, b) for a, b in pairwise(value))
        except TypeError:
            return False

    rows = [value for value in values if isinstance(value, list | tuple) and len(value) > 1]
    is_shown = len(rows) > 1 and sum(map(len, rows)) > 4 and any(len(set(map(written, row))) > 1 for row in rows)
    return holds if is_shown and all(map(holds, rows)) else None


def distinct(values: Sequence[Value]) -> Holds | None:
    """No list holds a value twice."""

    def holds(value: Value) -> bool:
        return not isinstance(value, list | tuple) or len(set(map(written, value))) == len(value)

    rows = [value for value in values if isinstance(value, list | tuple) and len(value) > 1]
    return holds if len(rows) > 1 and sum(map(len, rows)) > 4 and all(map(holds, rows)) else None


def row_lengths(values: Sequence[Value]) -> Holds | None:
    """The items of a list have one length: pairs stay pairs."""
    sizes = {len(value) for value in values if isinstance(value, list | tuple)}
    if len(sizes) != 1:
        return None
    return lambda value: not isinstance(value, list | tuple) or len(value) in sizes


INVARIANTS: Mapping[str, Kind] = {
    "types": types,
    "sign": sign,
    "ranges": ranges,
    "characters": characters,
    "lengths": lengths,
    "distinct": distinct,
}
"""Of the values at one path, whatever else the input holds. Those of several places: ``finders.RELATIONS``."""
INNER: Mapping[str, Kind] = {"ascending": ascending, "descending": descending, "row_lengths": row_lengths}
"""The same, of lists inside others: a list that is an argument is sorted again, and may be of any length."""


@dataclass(frozen=True)
class Shown:
    """The common properties of inputs of one arity: invariants by path, and relations between positions."""

    arity: int
    by_path: Mapping[Path, tuple[Holds, ...]]
    relations: Relations

    @classmethod
    def by(cls, inputs: Sequence[Arguments]) -> "Shown":
        """Find the common properties of inputs of one arity, at least one."""
        invariants = {path: tuple(_shown(path, values)) for path, values in gathered(inputs).items()}
        relations: list[Relation] = [each for kind in RELATIONS.values() for each in kind(inputs)]
        return cls(len(inputs[0]), invariants, tuple(relations))

    def holds(self, arguments: Arguments) -> bool:
        """Return whether an input has all properties."""
        if len(arguments) != self.arity:
            return False
        for path, value in values_at(arguments):
            if path not in self.by_path or not all(holds(value) for holds in self.by_path[path]):
                return False
        return all(relation.holds(arguments) for relation in self.relations)

    def repaired(self, arguments: Arguments) -> Arguments:
        """Repair the input where possible: cut lists to equal lengths, count counts again, ...

        :meth:`holds` says whether it then has all properties.
        """
        for relation in self.relations:
            arguments = relation.repaired(arguments)
        return arguments


def _shown(path: Path, values: Sequence[Hashable]) -> Iterator[Holds]:
    kinds = [*INVARIANTS.values(), *(INNER.values() if path[1] else ())]
    return (holds for kind in kinds if (holds := kind(values)) is not None)
