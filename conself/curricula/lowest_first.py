"""Curricula of equal size by any metric: the most certain problems first (docs/method.md#methods)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from conself.curricula.selection import Selection, normalise
from conself.records import Uncertainty


@dataclass(frozen=True)
class LowestFirst:
    """Keeps every problem with a defined uncertainty, lowest first; ``max_pairs`` or ``matched`` limits their number.

    Ties, of which a crash rate has many, are ordered by a hash of the problem id: random, but reproducible.
    """

    def __call__(self, uncertainties: Sequence[Uncertainty]) -> Selection:
        """Order the defined problems, lowest uncertainty first, with a reason for dropping each other one."""
        low, high, normalised = normalise(uncertainties)
        return Selection(
            kept=tuple(sorted(normalised, key=lambda name: (normalised[name], _draw(name)))),
            ranked=True,
            dropped={u.problem_id: f"undefined: {u.reason}" for u in uncertainties if u.value is None},
            minimum=low,
            maximum=high,
            normalised=normalised,
        )


def _draw(name: str) -> bytes:
    return hashlib.sha256(f"lowest first/{name}".encode()).digest()
