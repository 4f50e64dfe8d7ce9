"""Stop a training run that collapses: what the model agreed on is lost, or agreement rises while variety is lost."""

from collections.abc import Sequence
from dataclasses import dataclass

from conself.guards.guard import Assessment, Probe
from conself.guards.none import check_probes


@dataclass(frozen=True)
class CollapseGuard:
    """Suspects a probe in which little is left of the first answers, or which agrees more while variety is lost.

    A model that improves keeps most of what it agreed on before training; one that collapses gives it up, whatever it
    moves to. A probe is suspect if ``like_first``, the share of programs that behave like the first probe's winners, is
    at most the share ``like_left`` of what it was then.

    Consensus rises in a training run that learns, because the model becomes more certain, and in one that collapses. A
    probe is suspect if at the same time little variety is left: ``winner_consensus`` is above the first probe's by
    ``rise`` or more, and ``distinct_traces`` or ``code_chars`` are at most the shares ``traces_left`` and ``code_left``
    of the first probe's, or ``constant`` is above the first probe's by ``constant_rise`` or more.

    ``patience`` suspect probes in a row stop training. The weights of the last probe before them are kept, or the last
    weights if no probe is suspect.

    Raises:
        ValueError: a setting is out of its range; names its key.
    """

    held_out: int
    every: int
    like_left: float
    rise: float
    traces_left: float
    code_left: float
    constant_rise: float
    patience: int

    def __post_init__(self) -> None:
        check_probes(self.held_out, self.every)
        if self.held_out < 1:
            raise ValueError(f"guard.held_out must be at least 1 for this guard to see anything, got {self.held_out}")
        for name in ("like_left", "rise", "traces_left", "code_left", "constant_rise"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"guard.{name} must lie in [0, 1], got {getattr(self, name)}")
        if self.patience < 1:
            raise ValueError(f"guard.patience must be at least 1, got {self.patience}")

    def __call__(self, probes: Sequence[Probe]) -> Assessment:
        """Assess whether the last ``patience`` probes are all suspect."""
        trust = [self._suspicion(probes[: place + 1]) is None for place in range(len(probes))]
        good = [index for index, trusted in enumerate(trust) if trusted]
        best = good[-1] if good else 0
        in_a_row = len(probes) - 1 - best
        if in_a_row < self.patience:
            return Assessment(best, None)
        return Assessment(best, self._suspicion(probes))

    def _suspicion(self, probes: Sequence[Probe]) -> str | None:
        """Describe why the last probe is suspect; None if it is not."""
        first, probe = probes[0], probes[-1]
        if probe.like_first <= self.like_left * first.like_first:
            return (
                f"held-out programs like the first winners fell from {first.like_first:.3f} to {probe.like_first:.3f}"
            )
        if probe.winner_consensus < first.winner_consensus + self.rise:
            return None
        risen = f"held-out consensus rose from {first.winner_consensus:.3f} to {probe.winner_consensus:.3f}"
        if probe.distinct_traces <= self.traces_left * first.distinct_traces:
            return f"{risen}, distinct traces fell from {first.distinct_traces:.2f} to {probe.distinct_traces:.2f}"
        if probe.code_chars <= self.code_left * first.code_chars:
            return f"{risen}, programs shrank from {first.code_chars:.0f} to {probe.code_chars:.0f} characters"
        if probe.constant >= first.constant + self.constant_rise > first.constant:
            return f"{risen}, constant winners went from {first.constant:.2f} to {probe.constant:.2f}"
        return None
