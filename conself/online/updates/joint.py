"""Both roles learn at once: equally on-policy, and no rollout is discarded."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from conself.online.rollouts import SOLVER, TESTER


@dataclass(frozen=True)
class Joint:
    """Take one optimiser step on the rollouts of both roles; the loss is the mean over the tokens of all of them."""

    trains_testers: ClassVar[bool] = True

    def __call__(self, step: int) -> Collection[str]:  # noqa: ARG002
        """Return both roles."""
        return (SOLVER, TESTER)
