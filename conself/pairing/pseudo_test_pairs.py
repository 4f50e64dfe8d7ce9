"""Preference pairs by pseudo tests, the baseline PFPO: what most candidates give becomes the expected output."""

from dataclasses import dataclass, replace
from typing import ClassVar

from conself.consensus import Consensus, pseudo_test_scores, winner
from conself.pairing.ranking import best_against_lowest, check_max_losers
from conself.records import Pool, PreferencePair


@dataclass(frozen=True)
class PseudoTestPairs:
    """Pairs the candidate that passes most pseudo tests with up to ``max_losers`` that pass fewer (METHOD, "PFPO").

    A pseudo test is an input with the output that most candidates give; a candidate's score is the share that it
    passes. Order, ties and repeated programs are as in consensus pairs. The scores of the pairs are these shares.

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
        """The agreement with shares of pseudo tests for scores."""
        scores = tuple(pseudo_test_scores(consensus.keys))
        return replace(consensus, scores=scores, winner=winner(scores))

    def __call__(self, pool: Pool, consensus: Consensus, prompt: str) -> list[PreferencePair]:
        """The pairs of one problem, all with the same winner; ``prompt`` is the rendered direct prompt."""
        return best_against_lowest(pool, self.ranked(consensus), prompt, self.max_losers, self.crashed_fill)
