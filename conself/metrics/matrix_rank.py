"""The rank of a problem's passing matrix: how many independent ways there are to pass its generated tests."""

from conself.agreement.matrix_rank import rational_rank
from conself.agreement.passing_matrix import PassingMatrix
from conself.records import Undefined


def matrix_rank(passing: PassingMatrix | None) -> float | Undefined:
    """The rank over the rationals of a passing matrix, which ZeroCoder filters its problems by (arXiv 2604.07864).

    0: nobody passes anything. 1: all who pass something pass the same. Nothing can be learned from such a problem by
    who passes what. A cell that crashed counts as failed. It is no metric of ``conf/metric/``, for those are not given
    generated tests; ``Uncertainty`` records of it go through ``curriculum=at_least``.
    """
    if passing is None or not passing.n_tests:
        return Undefined("no generated tests")
    running = [row for row in passing.cells if any(cell is not None for cell in row)]
    if len(running) < 2:
        return Undefined("fewer than 2 candidates run on a test")
    return float(rational_rank([[cell is True for cell in row] for row in running]))
