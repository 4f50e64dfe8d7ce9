"""The interface of rewards."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.records import Pool, Problem, Undefined


class Reward(Protocol):
    """Reward each response to a problem for its behaviour and its text.

    The loop gives 0 to a response cut by the length limit, whatever the reward returns. ``needs_tests`` is whether the
    reward is undefined without generated tests.
    """

    @property
    def needs_tests(self) -> bool: ...  # noqa: D102  # described above

    def __call__(
        self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None, progress: float
    ) -> Sequence[float] | Undefined:
        """Return a finite number for each candidate of the pool, in order.

        ``passing`` holds the outcomes of generated tests, None where there are none. ``progress`` is the share of the
        training run's steps taken so far, in [0, 1), so that a reward can change over time. A reward returns
        ``Undefined`` where nothing should be learned from these responses: the group is left out of the step and
        counted.
        """
        ...


@runtime_checkable
class LabelledReward(Reward, Protocol):
    """A reward that goes by what is right on some of the problems of a training run."""

    def among(self, problems: Sequence[Problem]) -> Reward:
        """Return the reward for a run that trains on these problems, some of which it takes as labelled.

        Raises:
            ValueError: it cannot take as many.
        """
        ...
