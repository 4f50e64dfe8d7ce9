"""Preference pairs without an oracle: the candidate most agreed with, against those least agreed with."""

from dataclasses import dataclass
from typing import ClassVar

from conself.consensus import Consensus
from conself.pairing.ranking import best_against_lowest, check_max_losers
from conself.records import Pool, PreferencePair


@dataclass(frozen=True)
class ConsensusPairs:
    """Pairs the candidate of highest consensus score with up to ``max_losers`` that score strictly lower (METHOD).

    Args:
        max_losers: at most this many pairs per problem.
        crashed_fill: take crashed losers where no live one qualifies.

    Raises:
        ValueError: ``max_losers`` is below 1.
    """

    gives_losers: ClassVar[bool] = True

    max_losers: int
    crashed_fill: bool

    def __post_init__(self) -> None:
        check_max_losers(self.max_losers)

    def ranked(self, consensus: Consensus) -> Consensus:
        """The agreement as it is: pairs are made by consensus score."""
        return consensus

    def __call__(self, pool: Pool, consensus: Consensus, prompt: str) -> list[PreferencePair]:
        """The pairs of one problem, all with the same winner; ``prompt`` is the rendered direct prompt."""
        return best_against_lowest(pool, consensus, prompt, self.max_losers, self.crashed_fill)
