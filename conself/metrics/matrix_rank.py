"""The rank of a problem's passing matrix: how many independent ways there are to pass its generated tests."""

from dataclasses import dataclass

from conself.agreement.matrix_rank import rational_rank
from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class MatrixRank:
    """The rank of who passes which generated test, where the problem has such tests; see :func:`matrix_rank`."""

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """The rank, or Undefined without tests."""
        return matrix_rank(agreement.passing)


def matrix_rank(passing: PassingMatrix | None) -> float | Undefined:
    """Compute the rank over the rationals of a passing matrix, by which ZeroCoder filters problems (arXiv 2604.07864).

    0: no candidate passes a test. 1: all candidates that pass a test pass the same ones. The tests of such a problem
    teach nothing. A crashed cell counts as failed.
    """
    if passing is None or not passing.n_tests:
        return Undefined("no generated tests")
    running = [row for row in passing.cells if any(cell is not None for cell in row)]
    if len(running) < 2:
        return Undefined("fewer than 2 candidates run on a test")
    return float(rational_rank([[cell is True for cell in row] for row in running]))
