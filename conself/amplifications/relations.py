"""Relations within a list, and between two positions, that all inputs of a problem may satisfy.

A relation checks whether an input satisfies it, and repairs it after a change to one side.
"""

from dataclasses import dataclass
from typing import Protocol

from conself.amplifications.paths import Arguments, is_number
from conself.sandbox.sources import Value


class Relation(Protocol):
    """A property that an input satisfies or violates."""

    def holds(self, arguments: Arguments) -> bool:
        """Return whether the input satisfies it."""
        ...

    def repaired(self, arguments: Arguments) -> Arguments:
        """Change one side of the input so that it may hold; unchanged if that is impossible."""
        ...


Relations = tuple[Relation, ...]


def put(arguments: Arguments, position: int, value: Value) -> Arguments:
    """Replace the value at a position of the arguments."""
    return (*arguments[:position], value, *arguments[position + 1 :])


def _is_sized(value: Value) -> bool:
    return isinstance(value, str | list | tuple)


def _is_rows(value: Value) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(row, list | tuple) for row in value)


@dataclass(frozen=True)
class InOrder:
    """The list at a position is sorted, with ``reverse`` largest first: a changed one is sorted again."""

    position: int
    reverse: bool

    def holds(self, arguments: Arguments) -> bool:
        """Return whether it is sorted."""
        value = arguments[self.position]
        try:
            return isinstance(value, list | tuple) and list(value) == sorted(value, reverse=self.reverse)
        except TypeError:
            return False

    def repaired(self, arguments: Arguments) -> Arguments:
        """Sort the list."""
        value = arguments[self.position]
        try:
            return put(arguments, self.position, type(value)(sorted(value, reverse=self.reverse)))
        except TypeError:
            return arguments


@dataclass(frozen=True)
class EqualLengths:
    """Two positions hold texts or lists of one length: the longer one is cut."""

    one: int
    other: int

    def holds(self, arguments: Arguments) -> bool:
        """Return whether both have the same length."""
        one, other = arguments[self.one], arguments[self.other]
        return _is_sized(one) and _is_sized(other) and len(one) == len(other)

    def repaired(self, arguments: Arguments) -> Arguments:
        """Cut both to the shorter length."""
        one, other = arguments[self.one], arguments[self.other]
        if not (_is_sized(one) and _is_sized(other)):
            return arguments
        least = min(len(one), len(other))
        return put(put(arguments, self.one, one[:least]), self.other, other[:least])


@dataclass(frozen=True)
class CountOf:
    """An int is the length of another argument: it is counted again."""

    count: int
    counted: int

    def holds(self, arguments: Arguments) -> bool:
        """Return whether the count is right."""
        return type(arguments[self.count]) is int and _is_sized(arguments[self.counted]) and self._is(arguments)

    def _is(self, arguments: Arguments) -> bool:
        return bool(arguments[self.count] == len(arguments[self.counted]))

    def repaired(self, arguments: Arguments) -> Arguments:
        """Set the count to the length."""
        if not _is_sized(arguments[self.counted]):
            return arguments
        return put(arguments, self.count, len(arguments[self.counted]))


@dataclass(frozen=True)
class WithinLength:
    """An int lies between ``least`` (0 or 1) and the length of another argument, below it where ``is_index``."""

    number: int
    counted: int
    least: int
    is_index: bool

    def holds(self, arguments: Arguments) -> bool:
        """Return whether it lies in the range."""
        number, counted = arguments[self.number], arguments[self.counted]
        return type(number) is int and _is_sized(counted) and self.least <= number <= len(counted) - self.is_index

    def repaired(self, arguments: Arguments) -> Arguments:
        """Move the number to the nearer end."""
        number, counted = arguments[self.number], arguments[self.counted]
        if type(number) is not int or not _is_sized(counted):
            return arguments
        return put(arguments, self.number, max(self.least, min(number, len(counted) - self.is_index)))


@dataclass(frozen=True)
class ItemOf:
    """A value is an item of the list, or a part of the text, at another position: an item is taken from there."""

    item: int
    holder: int

    def holds(self, arguments: Arguments) -> bool:
        """Return whether it is an item."""
        item, holder = arguments[self.item], arguments[self.holder]
        try:
            return isinstance(holder, list | tuple | set | dict | str) and item in holder
        except TypeError:
            return False

    def repaired(self, arguments: Arguments) -> Arguments:
        """Replace it by the first item of the list, if it is none of them."""
        holder = arguments[self.holder]
        if self.holds(arguments) or not isinstance(holder, list | tuple) or not holder:
            return arguments
        return put(arguments, self.item, holder[0])


@dataclass(frozen=True)
class AtMost:
    """A number is no larger than another one; with ``strictly``, smaller: they are swapped."""

    low: int
    high: int
    strictly: bool

    def holds(self, arguments: Arguments) -> bool:
        """Return whether they are in order."""
        low, high = arguments[self.low], arguments[self.high]
        return is_number(low) and is_number(high) and (low < high if self.strictly else low <= high)

    def repaired(self, arguments: Arguments) -> Arguments:
        """Swap the two if they are not in order."""
        low, high = arguments[self.low], arguments[self.high]
        if not (is_number(low) and is_number(high) and low > high):
            return arguments
        return put(put(arguments, self.low, high), self.high, low)


@dataclass(frozen=True)
class Rectangular:
    """The lists inside a list have one length and, if ``is_square``, the same number: rows are cut."""

    position: int
    is_square: bool

    def holds(self, arguments: Arguments) -> bool:
        """Return whether the lengths are right."""
        rows = arguments[self.position]
        if not _is_rows(rows):
            return False
        sizes = {len(row) for row in rows}
        return len(sizes) <= 1 and (not self.is_square or sizes <= {len(rows)})

    def repaired(self, arguments: Arguments) -> Arguments:
        """Cut rows to the shortest; a square also to as many rows."""
        rows = arguments[self.position]
        if not _is_rows(rows) or not rows:
            return arguments
        width = min(len(row) for row in rows)
        size = min(width, len(rows)) if self.is_square else width
        cut = [row[:size] for row in (rows[:size] if self.is_square else rows)]
        return put(arguments, self.position, type(rows)(cut))


@dataclass(frozen=True)
class InRows:
    """A relation between columns of a list's rows of ``width`` items: (start, end) of each interval, for example."""

    position: int
    width: int
    relation: Relation

    def holds(self, arguments: Arguments) -> bool:
        """Return whether each row has that width and satisfies the relation."""
        rows = arguments[self.position]
        return isinstance(rows, list | tuple) and all(
            self._is_row(row) and self.relation.holds(tuple(row)) for row in rows
        )

    def _is_row(self, row: Value) -> bool:
        return isinstance(row, list | tuple) and len(row) == self.width

    def repaired(self, arguments: Arguments) -> Arguments:
        """Repair each row of that width."""
        rows = arguments[self.position]
        if not isinstance(rows, list | tuple):
            return arguments
        right = [type(row)(self.relation.repaired(tuple(row))) if self._is_row(row) else row for row in rows]
        return put(arguments, self.position, type(rows)(right))
