"""The contract of guards, and what they go by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Probe:
    """What the policy does on held-out problems, which are never trained on, after ``step`` steps.

    The figures are those of :func:`conself.online.diagnostics.behaviour_figures`.
    """

    step: int
    winner_consensus: float
    distinct_traces: float
    constant: float
    code_chars: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """``best`` is the index of the probe whose weights are to be kept; ``why`` says why to stop, None: go on."""

    best: int
    why: str | None


class Guard(Protocol):
    """Judges a training by its probes so far.

    ``held_out`` problems are kept out of training and drawn for in a probe before the first step and after each
    ``every`` steps; with 0 there are no probes, and the guard is never asked.
    """

    @property
    def held_out(self) -> int:
        """How many problems are kept out of training."""
        ...

    @property
    def every(self) -> int:
        """Steps from one probe to the next."""
        ...

    def __call__(self, probes: Sequence[Probe]) -> Assessment:
        """Judge at least one probe, the first of them of the model before its training."""
        ...
