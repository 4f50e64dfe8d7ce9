"""The rank over the rationals, by hand and beside elimination with fractions."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.matrix_rank import rational_rank

Matrix = Sequence[Sequence[int]]


def bits(*rows: str) -> list[list[int]]:
    return [[int(cell) for cell in row] for row in rows]


@pytest.mark.parametrize(
    ("rows", "rank"),
    [
        ([], 0),
        ([[], []], 0),
        (bits("000", "000"), 0),
        (bits("111", "111", "111"), 1),
        (bits("101", "000", "101"), 1),
        (bits("10", "11"), 2),
        (bits("011", "101", "110"), 3),  # the sum of all rows is even: over GF(2) the rank is 2
        (bits("1100", "1100", "1011", "1010", "0000"), 3),  # rows 1100, 1011, 1010: independent
        (bits("1100", "0011", "1010", "0101"), 3),  # row 0 + row 1 = row 2 + row 3
        ([[0, 0, 2], [0, 3, 0], [5, 0, 0]], 3),  # every pivot lies in a later row
        ([[10**20, 1], [10**20 + 1, 1]], 2),  # as floats the rows are equal
        ([[10**20, 1], [2 * 10**20, 2]], 1),
    ],
)
def test_by_hand(rows: Matrix, rank: int) -> None:
    assert rational_rank(rows) == rank


def by_fractions(rows: Matrix) -> int:
    """Gauss-Jordan elimination, as in a textbook."""
    matrix = [[Fraction(cell) for cell in row] for row in rows]
    rank = 0
    for column in range(len(matrix[0])):
        pivots = [row for row in matrix[rank:] if row[column]]
        if not pivots:
            continue
        pivot = pivots[0]
        matrix.remove(pivot)
        matrix.insert(rank, [cell / pivot[column] for cell in pivot])
        for place, row in enumerate(matrix):
            if place != rank:
                matrix[place] = [a - row[column] * b for a, b in zip(row, matrix[rank], strict=True)]
        rank += 1
    return rank


shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(
    shapes.flatmap(
        lambda shape: st.lists(
            st.lists(st.integers(0, 1), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
        )
    )
)
def test_as_elimination_with_fractions(rows: Matrix) -> None:
    rank = rational_rank(rows)
    assert rank == by_fractions(rows)
    assert rank == rational_rank(list(zip(*rows, strict=True)))
    assert rank == rational_rank([*rows, *rows[::-1], [0] * len(rows[0])])


@given(st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4), min_size=1, max_size=6))
def test_integers_as_elimination_with_fractions(rows: Matrix) -> None:
    assert rational_rank(rows) == by_fractions(rows)


def test_rows_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        rational_rank([[1, 0], [1]])
