"""Preference pairs without an oracle: the winner of a ranking against the candidates ranked lowest."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.rankings.ranked import Ranked


@dataclass(frozen=True)
class WinnerAndLosers:
    """Pairs the winner with up to ``max_losers`` candidates ranked strictly lower (docs/method.md#pairs).

    Losers come worst first, ties by index; identical programs are used once, and never against themselves.

    Args:
        max_losers: at most this many pairs per problem.
        crashed_fill: use crashed losers, which rankings leave out, if no ranked one qualifies.

    Raises:
        ValueError: ``max_losers`` is below 1.
    """

    gives_losers: ClassVar[bool] = True

    max_losers: int
    crashed_fill: bool

    def __post_init__(self) -> None:
        if self.max_losers < 1:
            raise ValueError(
                f"pairing.max_losers must be at least 1, got {self.max_losers}; docs/method.md#pairs has 3"
            )

    def __call__(self, ranked: Ranked, programs: Sequence[Hashable]) -> list[tuple[int, int | None]]:
        """Pair the winner of one problem with its losers; no pairs if the ranking has no winner."""
        if ranked.winner is None:
            return []
        used = {programs[ranked.winner]}
        fresh: list[int] = []
        for index in ranked.losers:
            if programs[index] not in used:
                used.add(programs[index])
                fresh.append(index)
        live = [index for index in fresh if index not in ranked.left_out]
        losers = live or (fresh if self.crashed_fill else [])
        return [(ranked.winner, index) for index in losers[: self.max_losers]]


def why_no_pair(ranked: Ranked, programs: Sequence[Hashable]) -> str:
    """Return why a problem gives no pair, as one of a few fixed texts so that reasons can be counted."""
    if ranked.winner is None:
        return str(ranked.reason)
    if not ranked.losers:
        return "no candidate scores below the winner"
    if all(programs[index] == programs[ranked.winner] for index in ranked.losers):
        return "every lower candidate repeats the winner's program"
    return "only crashed candidates score below the winner"
