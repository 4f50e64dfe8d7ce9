"""CodeT: rank classes of candidates by their size and by the tests they pass (Chen et al., arXiv 2207.10397)."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.by_tests import PassingClass, Scores, class_scores, ranked_by
from conself.rankings.ranked import Ranked
from conself.records import Pool

EXPONENTS = (0.5, 1)


@dataclass(frozen=True)
class CodeT:
    """Rank by k^exponent q; the weight uses shares of running candidates and of tests instead: (k/N)^exponent q/M.

    Args:
        exponent: 0.5, as in CodeT's own code, or 1, as in its paper.

    Raises:
        ValueError: another exponent.
    """

    gives_weight: ClassVar[bool] = True

    exponent: float

    def __post_init__(self) -> None:
        if self.exponent not in EXPONENTS:
            raise ValueError(f"ranking.exponent must be 0.5 (CodeT's code) or 1 (its paper), got {self.exponent}")

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by CodeT's score; no winner if no candidate passes a test. Applies only to pools with tests."""
        return ranked_by(
            passing, len(pool.candidates), lambda matrix: codet_scores(matrix, self.exponent), self._weight, False
        )

    def _weight(self, each: PassingClass) -> float:
        return float((each.size / each.candidates) ** self.exponent * each.n_passed / each.all_tests)


def codet_scores(matrix: PassingMatrix, exponent: float) -> Scores:
    """Compute k^exponent q per candidate, with k the size of its class and q the number of tests it passes."""
    return class_scores(matrix, lambda each: float(each.size**exponent * each.n_passed))
