"""The rank of a passing matrix, by hand."""

import pytest

from conself.agreement.passing_matrix import PassingMatrix
from conself.metrics.matrix_rank import matrix_rank
from conself.records import Undefined

CELLS = {"1": True, "0": False, "x": None}


def passing(*rows: str) -> PassingMatrix:
    return PassingMatrix(tuple(tuple(CELLS[cell] for cell in row) for row in rows))


@pytest.mark.parametrize(
    ("rows", "rank"),
    [
        (("00", "00"), 0),
        (("11", "11", "00"), 1),
        (("10", "10", "01"), 2),
        (("1100", "1100", "1011", "1010", "0000"), 3),
        (("011", "101", "110"), 3),  # 2 over GF(2)
        (("1x", "x1"), 2),
        (("0x", "x0"), 0),
    ],
)
def test_by_hand(rows: tuple[str, ...], rank: float) -> None:
    assert matrix_rank(passing(*rows)) == rank


def test_where_there_is_none() -> None:
    few = Undefined("fewer than 2 candidates run on a test")
    assert matrix_rank(passing("11", "xx")) == matrix_rank(passing("10")) == few
    assert (
        matrix_rank(None) == matrix_rank(passing("", "")) == matrix_rank(passing()) == Undefined("no generated tests")
    )
