"""The contract of guards, and the probes that they assess."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Probe:
    """The policy's behaviour on held-out problems, which are never trained on, after ``step`` steps.

    The figures are those of :func:`conself.online.diagnostics.behaviour_figures`; ``like_first`` is the mean share of a
    problem's programs that behave like its winner in the first probe.
    """

    step: int
    winner_consensus: float
    distinct_traces: float
    constant: float
    code_chars: float
    like_first: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """``best`` is the index of the probe whose weights to keep; ``why`` is the reason to stop, None: continue."""

    best: int
    why: str | None


class Guard(Protocol):
    """Judges a training run by its probes so far.

    ``held_out`` problems are kept out of training and used in a probe before the first step and after each ``every``
    steps; with 0 there are no probes, and the guard is never called.
    """

    @property
    def held_out(self) -> int:
        """The number of problems kept out of training."""
        ...

    @property
    def every(self) -> int:
        """The number of steps from one probe to the next."""
        ...

    def __call__(self, probes: Sequence[Probe]) -> Assessment:
        """Judge at least one probe, the first of them made before training."""
        ...
