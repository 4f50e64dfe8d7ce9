"""Crash rate: the share of candidates that show no behaviour at all."""

from dataclasses import dataclass

from conself.records import Pool, Status, Undefined


@dataclass(frozen=True)
class CrashRate:
    """Share in [0, 1] of the K candidates that crash on all inputs (METHOD, "crash rate")."""

    def __call__(self, pool: Pool) -> float | Undefined:
        """The share, or Undefined without candidates."""
        if not pool.traces:
            return Undefined("no candidates")
        dead = [all(outcome.status is not Status.OK for outcome in trace.outcomes) for trace in pool.traces]
        return sum(dead) / len(dead)
