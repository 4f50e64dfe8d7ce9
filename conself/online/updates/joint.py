"""Both roles at once: as much on policy, and no rollout is let go."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from conself.online.rollouts import SOLVER, TESTER


@dataclass(frozen=True)
class Joint:
    """One optimiser step on the rollouts of both roles; the loss is the mean over the tokens of all of them."""

    trains_testers: ClassVar[bool] = True

    def __call__(self, step: int) -> Collection[str]:  # noqa: ARG002
        """Both roles."""
        return (SOLVER, TESTER)
