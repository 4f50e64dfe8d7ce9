"""The upper bound: rewards and rankings by oracle verdicts. An ablation, for a job that sets ``labels: all``."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.calibration.verdicts import Verdicts
from conself.datasets.dataset import Dataset
from conself.rankings.ranked import Ranked, by_score, chosen, nobody
from conself.records import Pool, Undefined

UNKNOWN = "not known what is right"
NONE_RIGHT = "no candidate is right"


@dataclass(frozen=True)
class _Oracle:
    """Verdicts by the oracles of ``dataset``; values are compared under ``comparison``."""

    labels: ClassVar[str] = "all"

    dataset: Dataset
    comparison: Comparison

    @cached_property
    def _verdicts(self) -> Verdicts:
        return Verdicts(self.dataset, self.comparison)

    def right(self, pool: Pool) -> list[bool] | None:
        """Return whether each candidate is right, or None where the problem has no oracle."""
        return self._verdicts([pool], workers=1).get(pool.problem.id)


@dataclass(frozen=True)
class OracleReward(_Oracle):
    """Reward 1 for a right program, else 0: the reference that rewards without labels are compared with."""

    needs_tests: ClassVar[bool] = False

    def __call__(
        self,
        pool: Pool,
        agreement: Agreement,  # noqa: ARG002
        passing: PassingMatrix | None,  # noqa: ARG002
        progress: float,  # noqa: ARG002
    ) -> Sequence[float] | Undefined:
        """Return 0 or 1 for each candidate, or Undefined where the problem has no oracle."""
        right = self.right(pool)
        return Undefined(UNKNOWN) if right is None else [float(each) for each in right]


@dataclass(frozen=True)
class OracleRanking(_Oracle):
    """Rank the right programs first and accept them, together with the tests that a right program passes."""

    gives_weight: ClassVar[bool] = False

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Return the ranking; no winner where no program is right, not applicable where there is no oracle."""
        size, right = len(pool.candidates), self.right(pool)
        if right is None:
            return nobody(size, UNKNOWN, applies=False)
        solutions = tuple(index for index, each in enumerate(right) if each)
        if not solutions:
            return nobody(size, NONE_RIGHT)
        rows = () if passing is None else [passing.passed[index] for index in solutions]
        tests = tuple(place for place, column in enumerate(zip(*rows, strict=True)) if any(column))
        return chosen(by_score([float(each) for each in right], range(size)), size, solutions, tests, None)
