"""One role after the other, as ZeroCoder has it (arXiv 2604.07864)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from conself.online.rollouts import SOLVER, TESTER


@dataclass(frozen=True)
class Alternate:
    """Coders learn in the steps 0, 2, ..., testers in 1, 3, ...; the other role's rollouts of a step are let go."""

    trains_testers: ClassVar[bool] = True

    def __call__(self, step: int) -> Collection[str]:
        """One role."""
        return ((SOLVER, TESTER)[step % 2],)
