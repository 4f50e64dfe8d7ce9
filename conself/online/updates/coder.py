"""Only coders learn: the baselines of ZeroCoder whose testers are never trained (arXiv 2604.07864)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from conself.online.rollouts import SOLVER


@dataclass(frozen=True)
class Coder:
    """Train coders only: testers write tests and learn nothing from them."""

    trains_testers: ClassVar[bool] = False

    def __call__(self, step: int) -> Collection[str]:  # noqa: ARG002
        """Return the coder's role."""
        return (SOLVER,)
