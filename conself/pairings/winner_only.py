"""Targets for supervised fine-tuning: the winner, and no loser (Self-SFT)."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.rankings.ranked import Ranked


@dataclass(frozen=True)
class WinnerOnly:
    """One record per problem: the winner without a loser; none if the ranking has no winner."""

    gives_losers: ClassVar[bool] = False

    def __call__(self, ranked: Ranked, programs: Sequence[Hashable]) -> list[tuple[int, int | None]]:  # noqa: ARG002
        """Return at most one record."""
        return [] if ranked.winner is None else [(ranked.winner, None)]
