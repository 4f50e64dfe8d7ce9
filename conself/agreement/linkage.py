"""Group numbers that differ by no more than rounding errors: single linkage on a line."""

import math
from collections.abc import Sequence

Number = int | float

RELATIVE, ABSOLUTE = 1e-6, 1e-9
"""Neighbours closer than this count as equal: relative to their size, or absolutely near 0."""


def linked(numbers: Sequence[Number]) -> list[Number]:
    """Map each finite number to its group's representative: the group's whole number, or else its smallest number.

    Sorted neighbours are linked if they differ by at most ``RELATIVE`` of the larger or by ``ABSOLUTE``, except two
    whole numbers, which are never equal. If a chain of links joins two whole numbers, each number goes to the nearest
    whole one. The order of ``numbers`` changes nothing.
    """
    ordered = sorted(set(numbers))
    groups: list[list[Number]] = []
    for number in ordered:
        if groups and _are_close(groups[-1][-1], number):
            groups[-1].append(number)
        else:
            groups.append([number])
    standing: dict[Number, Number] = {}
    for group in groups:
        whole = [number for number in group if _is_whole(number)]
        for number in group:
            standing[number] = min(whole, key=lambda other: abs(other - number)) if whole else group[0]
    return [standing[number] for number in numbers]


def _is_whole(number: Number) -> bool:
    return isinstance(number, int) or number.is_integer()


def _are_close(one: Number, other: Number) -> bool:
    if _is_whole(one) and _is_whole(other):
        return False
    try:
        return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    except OverflowError:  # an int beyond all floats
        return False
