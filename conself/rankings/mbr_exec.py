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
    """By the size of a candidate's class; the weight is its share of the candidates that run."""

    gives_weight: ClassVar[bool] = True

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Nobody is chosen where nobody passes a test; it applies where there are tests."""
        return ranked_by(
            passing, len(pool.candidates), mbr_exec_scores, lambda each: each.size / each.candidates, False
        )


def mbr_exec_scores(matrix: PassingMatrix) -> Scores:
    """k, the size of a candidate's class, per candidate."""
    return class_scores(matrix, lambda each: each.size)
