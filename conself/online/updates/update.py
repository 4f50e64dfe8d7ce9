"""The interface of updates."""

from collections.abc import Collection
from typing import ClassVar, Protocol


class Update(Protocol):
    """Choose the roles that learn from a step's rollouts; every step samples both, as they reward each other.

    ``trains_testers`` is whether testers learn in any step.
    """

    trains_testers: ClassVar[bool]

    def __call__(self, step: int) -> Collection[str]:
        """Return the roles that learn in a step, counted from 0, as named in :mod:`conself.online.rollouts`."""
        ...
