"""The ceiling: rewards and rankings by what is right. An ablation, for a job that says ``labels: all``."""

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
    """What is right by ``dataset``; values compare under ``comparison``."""

    labels: ClassVar[str] = "all"

    dataset: Dataset
    comparison: Comparison

    @cached_property
    def _verdicts(self) -> Verdicts:
        return Verdicts(self.dataset, self.comparison)

    def right(self, pool: Pool) -> list[bool] | None:
        """Whether each candidate is right; None where that is not known."""
        return self._verdicts([pool], workers=1).get(pool.problem.id)


@dataclass(frozen=True)
class OracleReward(_Oracle):
    """1 for a right program, 0 for another: what rewards without labels are measured by."""

    needs_tests: ClassVar[bool] = False

    def __call__(
        self,
        pool: Pool,
        agreement: Agreement,  # noqa: ARG002
        passing: PassingMatrix | None,  # noqa: ARG002
        progress: float,  # noqa: ARG002
    ) -> Sequence[float] | Undefined:
        """0 or 1 for each candidate."""
        right = self.right(pool)
        return Undefined(UNKNOWN) if right is None else [float(each) for each in right]


@dataclass(frozen=True)
class OracleRanking(_Oracle):
    """The right programs first, and held right; of tests those that a right program passes."""

    gives_weight: ClassVar[bool] = False

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Nobody is chosen where nobody is right; it applies where that is known."""
        size, right = len(pool.candidates), self.right(pool)
        if right is None:
            return nobody(size, UNKNOWN, applies=False)
        solutions = tuple(index for index, each in enumerate(right) if each)
        if not solutions:
            return nobody(size, NONE_RIGHT)
        rows = () if passing is None else [passing.passed[index] for index in solutions]
        tests = tuple(place for place, column in enumerate(zip(*rows, strict=True)) if any(column))
        return chosen(by_score([float(each) for each in right], range(size)), size, solutions, tests, None)
