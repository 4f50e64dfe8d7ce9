"""MaxPass: rank by the number of generated tests passed (the filter of AlphaCode, Li et al., arXiv 2203.07814)."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.by_tests import Scores, class_scores, ranked_by
from conself.rankings.ranked import Ranked
from conself.records import Pool


@dataclass(frozen=True)
class MaxPass:
    """Rank by the number of tests passed; the weight is their share. All with the highest number are judged right."""

    gives_weight: ClassVar[bool] = True

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by tests passed; no winner if no candidate passes one. Applies only to pools with tests."""
        return ranked_by(
            passing, len(pool.candidates), max_pass_scores, lambda each: each.n_passed / each.all_tests, True
        )


def max_pass_scores(matrix: PassingMatrix) -> Scores:
    """Count the tests that each candidate passes: q."""
    return class_scores(matrix, lambda each: each.n_passed)
