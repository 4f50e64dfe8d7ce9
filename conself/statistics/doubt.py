"""Doubt: how unsure a fitted confidence is of its surest program. It carries labels of other pools, and says so."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.traces import Agreement
from conself.records import Pool, Undefined
from conself.statistics.confidence import Confidence


@dataclass(frozen=True)
class Doubt:
    """One minus the largest probability of being right; only where ``labels: pools`` is said."""

    labels: ClassVar[str] = "pools"

    confidence: Confidence

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """A value in [0, 1], or Undefined where every candidate crashed."""
        if not agreement.n_alive:
            return Undefined("every candidate crashed")
        return 1 - max(self.confidence(pool, agreement))
