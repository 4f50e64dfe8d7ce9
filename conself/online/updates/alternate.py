"""The roles take turns, as in ZeroCoder (arXiv 2604.07864)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from conself.online.rollouts import SOLVER, TESTER


@dataclass(frozen=True)
class Alternate:
    """Train coders in steps 0, 2, ..., testers in 1, 3, ...; a step discards the other role's rollouts."""

    trains_testers: ClassVar[bool] = True

    def __call__(self, step: int) -> Collection[str]:
        """Return the one role that learns in a step."""
        return ((SOLVER, TESTER)[step % 2],)
