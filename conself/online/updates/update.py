"""The contract of updates."""

from collections.abc import Collection
from typing import ClassVar, Protocol


class Update(Protocol):
    """Which roles learn from the rollouts of a step; both are drawn in every step, for one is measured by the other.

    ``trains_testers`` says whether testers learn in any step.
    """

    trains_testers: ClassVar[bool]

    def __call__(self, step: int) -> Collection[str]:
        """The roles that learn in a step, counted from 0: of :mod:`conself.online.rollouts` ``SOLVER``, ``TESTER``."""
        ...
