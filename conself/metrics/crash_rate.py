"""Crash rate: the share of candidates that show no behaviour at all."""

from dataclasses import dataclass

from conself.agreement.consensus import Consensus
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class CrashRate:
    """Share in [0, 1] of the K candidates that crash on all inputs (METHOD, "crash rate")."""

    def __call__(self, pool: Pool, consensus: Consensus) -> float | Undefined:
        """The share, or Undefined without candidates."""
        if not consensus.crashed:
            return Undefined("no candidates")
        return sum(consensus.crashed) / len(consensus.crashed)
