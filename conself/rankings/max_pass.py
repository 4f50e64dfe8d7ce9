"""MaxPass: the candidate that passes most generated tests (the filter of AlphaCode, Li et al., arXiv 2203.07814)."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.by_tests import Scores, class_scores, ranked_by
from conself.rankings.ranked import Ranked
from conself.records import Pool


@dataclass(frozen=True)
class MaxPass:
    """By the number of tests passed; the weight is their share. All who pass most are held right."""

    gives_weight: ClassVar[bool] = True

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Nobody is chosen where nobody passes a test; it applies where there are tests."""
        return ranked_by(
            passing, len(pool.candidates), max_pass_scores, lambda each: each.n_passed / each.all_tests, True
        )


def max_pass_scores(matrix: PassingMatrix) -> Scores:
    """q, how many tests a candidate passes, per candidate."""
    return class_scores(matrix, lambda each: each.n_passed)
