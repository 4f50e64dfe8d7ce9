"""The contract of rewards."""

from collections.abc import Sequence
from typing import Protocol

from conself.agreement.traces import Agreement
from conself.records import Pool


class Reward(Protocol):
    """What each of the responses to a problem is worth, by what they do and what they are.

    A response that was cut by its length gets 0 whatever a reward says: the loop sees to it.
    """

    def __call__(self, pool: Pool, agreement: Agreement, progress: float) -> Sequence[float]:
        """A finite number for each candidate of the pool, in their order.

        ``progress`` is the share of the training's steps that have been taken, in [0, 1): what counts may change.
        """
        ...
