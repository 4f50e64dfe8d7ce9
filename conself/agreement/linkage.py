"""Grouping numbers that differ by no more than rounding errors: single linkage on a line."""

import math
from collections.abc import Sequence

Number = int | float

RELATIVE, ABSOLUTE = 1e-6, 1e-9
"""Two neighbours closer than this are one number: by their size, and near 0."""


def linked(numbers: Sequence[Number]) -> list[Number]:
    """For each of the finite numbers the one that stands for its group: its whole number, else its smallest one.

    Sorted, neighbours are linked where they differ by at most ``RELATIVE`` of the larger or by ``ABSOLUTE``, but for
    two whole numbers, which are never one. Where links lead through others from one whole number to another, each
    number goes to the nearest whole one. The order of ``numbers`` changes nothing.
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
