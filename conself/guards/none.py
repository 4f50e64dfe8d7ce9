"""No guard: training runs to its last step, and the last weights are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from conself.guards.guard import Assessment, Probe


@dataclass(frozen=True)
class NoGuard:
    """Never stops. With ``held_out`` above 0 probes are still made, for the curves."""

    held_out: int
    every: int

    def __post_init__(self) -> None:
        check_probes(self.held_out, self.every)

    def __call__(self, probes: Sequence[Probe]) -> Assessment:
        """Keep the last weights."""
        return Assessment(len(probes) - 1, None)


def check_probes(held_out: int, every: int) -> None:
    """Check the numbers of probes.

    Raises:
        ValueError: names the key.
    """
    if held_out < 0:
        raise ValueError(f"guard.held_out must be 0 (no probes) or more, got {held_out}")
    if every < 1:
        raise ValueError(f"guard.every must be at least 1, got {every}")
