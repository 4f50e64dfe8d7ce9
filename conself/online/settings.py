"""The settings and parts of an online training run."""

from dataclasses import dataclass

from conself.guards.guard import Guard
from conself.losses.output import Loss
from conself.online.groups import Grading
from conself.online.rollouts import Rollouts
from conself.online.testing import Testing
from conself.training.settings import Training


@dataclass(frozen=True)
class Loop:
    """``steps`` optimiser steps, each on ``problems`` problems; every epoch has its own order.

    ``scale_advantages`` divides a reward's difference from its group's mean by the group's standard deviation. Besides
    the last weights, those after every ``snapshot_every`` steps are kept, for curves of accuracy; None: they are not.

    Raises:
        ValueError: a number is below 1; names its key.
    """

    steps: int
    problems: int
    scale_advantages: bool
    snapshot_every: int | None

    def __post_init__(self) -> None:
        for name in ("steps", "problems", "snapshot_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"loop.{name} must be at least 1, got {value}")

    def keeps(self, step: int) -> bool:
        """Return whether the weights after ``step`` steps are kept."""
        return self.snapshot_every is not None and step > 0 and step % self.snapshot_every == 0


@dataclass(frozen=True)
class Method:
    """The parts of an online training run; without ``testing`` there is one role, which writes programs."""

    loop: Loop
    rollouts: Rollouts
    grading: Grading
    guard: Guard
    loss: Loss
    training: Training
    seed: int
    testing: Testing | None = None
