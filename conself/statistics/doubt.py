"""Doubt: one minus the highest fitted confidence. It uses labels of other pools, and declares it."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.traces import Agreement
from conself.records import Pool, Undefined
from conself.statistics.confidence import Confidence


@dataclass(frozen=True)
class Doubt:
    """One minus the largest probability of being right; only in jobs with ``labels: pools``."""

    labels: ClassVar[str] = "pools"

    confidence: Confidence

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return a value in [0, 1], or Undefined if every candidate crashed."""
        if not agreement.n_alive:
            return Undefined("every candidate crashed")
        return 1 - max(self.confidence(pool, agreement))
