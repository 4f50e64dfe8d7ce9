"""Labels beside another reward: what a rival without labels gains from the few that Dynamic B4 calibrates on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.calibration.verdicts import Verdicts, drawn
from conself.records import Pool, Problem, Undefined
from conself.rewards.reward import Reward


@dataclass(frozen=True)
class SupervisedReward:
    """Reward 1 for a right program, else 0, on a few labelled problems, and apply ``reward`` to all others.

    This is how the paper adds the same labels to methods that use none (arXiv 2604.07864, the rows with "labels"). The
    labelled problems are trained on as often as others are.

    Args:
        reward: that of unlabelled problems.
        verdicts: verdicts by the oracles of the training problems.
        problems: the number of labelled problems; they count among the job's ``labels``.
        seed: of their choice.
        labelled: their ids; :meth:`among` chooses them.

    Raises:
        ValueError: ``problems`` is below 1.
    """

    labels: ClassVar[str] = "calibration"

    reward: Reward
    verdicts: Verdicts
    problems: int
    seed: int
    labelled: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.problems < 1:
            raise ValueError(f"reward.problems must be at least 1, got {self.problems}; the paper has 10")

    @property
    def needs_tests(self) -> bool:
        """Whether ``reward`` does."""
        return self.reward.needs_tests

    def among(self, problems: Sequence[Problem]) -> Self:
        """Choose the labelled problems among those that are trained on.

        Raises:
            ValueError: too few of them have an oracle.
        """
        known = [problem.id for problem in problems if problem.id in self.verdicts.known]
        if len(known) < self.problems:
            raise ValueError(
                f"reward.problems={self.problems}, and of the {len(problems)} problems that are trained on the data "
                f"set knows of {len(known)} what is right; lower labels, or choose another data set or curriculum"
            )
        return replace(self, labelled=frozenset(drawn(known, "supervised", self.seed, self.problems)))

    def __call__(
        self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None, progress: float
    ) -> Sequence[float] | Undefined:
        """Return 0 or 1 for each candidate of a labelled problem, else the values of ``reward``."""
        if pool.problem.id in self.labelled:
            return [float(right) for right in self.verdicts([pool], workers=1)[pool.problem.id]]
        return self.reward(pool, agreement, passing, progress)
