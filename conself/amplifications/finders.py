"""Find the relations that all original inputs of a problem satisfy, each by a function of the table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations, product

from conself.amplifications.paths import Arguments, written
from conself.amplifications.relations import (
    AtMost,
    CountOf,
    EqualLengths,
    InOrder,
    InRows,
    ItemOf,
    Rectangular,
    Relation,
    WithinLength,
)

Finder = Callable[[Sequence[Arguments]], Iterator[Relation]]


def _all(inputs: Sequence[Arguments], relation: Relation) -> bool:
    return all(map(relation.holds, inputs))


def _pairs(inputs: Sequence[Arguments]) -> Iterator[tuple[int, int]]:
    return permutations(range(len(inputs[0])), 2)


def sorted_lists(inputs: Sequence[Arguments]) -> Iterator[Relation]:
    """Positions whose lists are all sorted, with two lists of two items or more that are not all equal."""
    for position, reverse in product(range(len(inputs[0])), (False, True)):
        relation = InOrder(position, reverse)
        if _all(inputs, relation):
            rows = [arguments[position] for arguments in inputs]
            telling = [row for row in rows if len(set(map(written, row))) > 1]
            if len(telling) > 1 and sum(map(len, telling)) > 4:
                yield relation


def equal_lengths(inputs: Sequence[Arguments]) -> Iterator[Relation]:
    """Pairs of positions of equal lengths."""
    yield from (r for a, b in _pairs(inputs) if a < b and _all(inputs, r := EqualLengths(a, b)))


def counts(inputs: Sequence[Arguments]) -> Iterator[Relation]:
    """Ints that are the length of another argument."""
    yield from (r for a, b in _pairs(inputs) if _all(inputs, r := CountOf(a, b)))


def within_lengths(inputs: Sequence[Arguments]) -> Iterator[Relation]:
    """Ints that lie within the length of another argument, by the narrowest of four bounds that all show."""
    for number, counted in _pairs(inputs):
        bounds = [WithinLength(number, counted, least, is_index) for least in (1, 0) for is_index in (True, False)]
        yield from [bound for bound in bounds if _all(inputs, bound)][:1]


def items(inputs: Sequence[Arguments]) -> Iterator[Relation]:
    """Values that are items of another argument."""
    yield from (r for a, b in _pairs(inputs) if _all(inputs, r := ItemOf(a, b)))


def orders(inputs: Sequence[Arguments]) -> Iterator[Relation]:
    """Pairs of numbers of which one is never larger."""
    for low, high in _pairs(inputs):
        yield from [r for strictly in (True, False) if _all(inputs, r := AtMost(low, high, strictly))][:1]


def rectangles(inputs: Sequence[Arguments]) -> Iterator[Relation]:
    """Lists of rows that are all as long, in inputs with two rows or more."""
    for position in range(len(inputs[0])):
        if any(isinstance(a[position], list | tuple) and len(a[position]) > 1 for a in inputs):
            yield from [r for square in (True, False) if _all(inputs, r := Rectangular(position, square))][:1]


def rows(inputs: Sequence[Arguments]) -> Iterator[Relation]:
    """Counts, bounds and orders within the rows of lists of three rows or more of one width, all inputs together."""
    for position in range(len(inputs[0])):
        lists = [arguments[position] for arguments in inputs]
        if not all(isinstance(each, list | tuple) for each in lists):
            continue
        all_rows = [tuple(row) if isinstance(row, list | tuple) else () for each in lists for row in each]
        if len(all_rows) > 2 and len(all_rows[0]) > 1 and len({len(row) for row in all_rows}) == 1:
            for kind in (counts, within_lengths, orders):
                yield from (InRows(position, len(all_rows[0]), relation) for relation in kind(all_rows))


RELATIONS: Mapping[str, Finder] = {
    "sorted_lists": sorted_lists,
    "items": items,
    "rectangles": rectangles,
    "rows": rows,
    "equal_lengths": equal_lengths,
    "counts": counts,
    "within_lengths": within_lengths,
    "orders": orders,
}
"""In the order in which a changed input is repaired: lengths first, then their counts."""
