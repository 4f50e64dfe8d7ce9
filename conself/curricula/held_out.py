"""Hold out problems that are never trained on, to measure the progress of training on them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conself.curricula.selection import Curriculum, Selection
from conself.records import Uncertainty

HELD_OUT = "held out"


@dataclass(frozen=True)
class HeldOut:
    """Drops the first ``n`` problems by SHA-256(seed, id), the same in every round, and passes the others to ``of``.

    Raises:
        ValueError: ``n`` is below 1.
    """

    n: int
    seed: int
    of: Curriculum

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"curriculum.n must be at least 1, got {self.n}; a curriculum that holds none out is `of`")

    def __call__(self, uncertainties: Sequence[Uncertainty]) -> Selection:
        """Apply ``of`` to the problems that are not held out."""
        first = sorted((u.problem_id for u in uncertainties), key=self._rank)[: self.n]
        held = dict.fromkeys(first, HELD_OUT)
        selection = self.of([u for u in uncertainties if u.problem_id not in held])
        return replace(selection, dropped={**selection.dropped, **held})

    def _rank(self, name: str) -> bytes:
        return hashlib.sha256(f"{self.seed}\0{name}".encode()).digest()
