"""The contract of rewards."""

from collections.abc import Sequence
from typing import Protocol

from conself.agreement.traces import Agreement
from conself.records import Pool


class Reward(Protocol):
    """What each of the responses to a problem is worth, by what they do and what they are.

    A response that was cut by its length gets 0 whatever a reward says: the loop sees to it.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> Sequence[float]:
        """A finite number for each candidate of the pool, in their order."""
        ...
