"""Crash rate: the share of candidates that show no behaviour at all."""

from dataclasses import dataclass

from conself.agreement.traces import Agreement
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class CrashRate:
    """Share in [0, 1] of the K candidates that crash on all inputs (docs/method.md#metrics)."""

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the share, or Undefined without candidates."""
        if not agreement.crashed:
            return Undefined("no candidates")
        return sum(agreement.crashed) / len(agreement.crashed)
