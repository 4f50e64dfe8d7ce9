"""MBR-Exec over generated tests: the largest class of candidates that pass the same ones (Shi et al., 2204.11454)."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.by_tests import Scores, class_scores, ranked_by
from conself.rankings.ranked import Ranked
from conself.records import Pool


@dataclass(frozen=True)
class MBRExec:
    """Rank by the size of a candidate's class; the weight is its share of the candidates that run."""

    gives_weight: ClassVar[bool] = True

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by class size; no winner if no candidate passes a test. Applies only to pools with tests."""
        return ranked_by(
            passing, len(pool.candidates), mbr_exec_scores, lambda each: each.size / each.candidates, False
        )


def mbr_exec_scores(matrix: PassingMatrix) -> Scores:
    """Compute the size of each candidate's class: k."""
    return class_scores(matrix, lambda each: each.size)
