"""The contract of rewards."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.records import Pool, Undefined


class Reward(Protocol):
    """What each of the responses to a problem is worth, by what they do and what they are.

    A response that was cut by its length gets 0 whatever a reward says: the loop sees to it. ``needs_tests`` says
    whether there is nothing to say without generated tests.
    """

    needs_tests: ClassVar[bool]

    def __call__(
        self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None, progress: float
    ) -> Sequence[float] | Undefined:
        """A finite number for each candidate of the pool, in their order.

        ``passing`` is the outcome of generated tests, None where there are none. ``progress`` is the share of the
        training's steps that have been taken, in [0, 1): what counts may change. ``Undefined`` where nothing should be
        learned from these responses: the group leaves the step, and is counted.
        """
        ...
