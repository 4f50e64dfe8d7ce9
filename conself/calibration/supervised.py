"""Labels beside another reward: what a rival without labels gains from the few that Dynamic B4 calibrates on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.calibration.verdicts import Verdicts, drawn
from conself.datasets.dataset import Dataset
from conself.records import Pool, Undefined
from conself.rewards.reward import Reward


@dataclass(frozen=True)
class SupervisedReward:
    """Reward 1 for a right program, else 0, on a few labelled problems, and apply ``reward`` to all others.

    This is how the paper adds the same labels to methods that use none (arXiv 2604.07864, the rows with "labels"). The
    labelled problems are trained on as often as others are.

    Args:
        reward: that of unlabelled problems.
        dataset: holds the oracles of the training problems.
        comparison: decides when a value equals the expected one.
        problems: the number of labelled problems; a job has to set ``labels`` to the same number.
        seed: of their choice.

    Raises:
        ValueError: ``problems`` is below 1.
    """

    labels: ClassVar[str] = "calibration"

    reward: Reward
    dataset: Dataset
    comparison: Comparison
    problems: int
    seed: int

    def __post_init__(self) -> None:
        if self.problems < 1:
            raise ValueError(f"reward.problems must be at least 1, got {self.problems}; the paper has 10")

    @property
    def needs_tests(self) -> bool:
        """Whether ``reward`` does."""
        return self.reward.needs_tests

    @cached_property
    def _verdicts(self) -> Verdicts:
        return Verdicts(self.dataset, self.comparison)

    @cached_property
    def labelled(self) -> frozenset[str]:
        """Return the ids of the labelled problems.

        Raises:
            ValueError: fewer problems have an oracle.
        """
        known = self._verdicts.known
        if len(known) < self.problems:
            raise ValueError(
                f"reward.problems={self.problems}, and the data set knows of {len(known)} problems what is right; "
                "lower labels, or choose another data set"
            )
        return frozenset(drawn(known, "supervised", self.seed, self.problems))

    def __call__(
        self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None, progress: float
    ) -> Sequence[float] | Undefined:
        """Return 0 or 1 for each candidate of a labelled problem, else the values of ``reward``."""
        if pool.problem.id in self.labelled:
            return [float(right) for right in self._verdicts([pool], workers=1)[pool.problem.id]]
        return self.reward(pool, agreement, passing, progress)
