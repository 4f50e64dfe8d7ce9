"""Targets for supervised fine-tuning: the candidate most agreed with, and no loser (Self-SFT)."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.consensus import Consensus
from conself.records import Pool, PreferencePair


@dataclass(frozen=True)
class WinnerOnly:
    """One record per problem: the consensus winner, with ``rejected`` None; nothing when every candidate crashed."""

    gives_losers: ClassVar[bool] = False

    def ranked(self, consensus: Consensus) -> Consensus:
        """The agreement as it is: pairs are made by consensus score."""
        return consensus

    def __call__(self, pool: Pool, consensus: Consensus, prompt: str) -> list[PreferencePair]:
        """At most one record; ``prompt`` is the rendered direct prompt."""
        if consensus.winner is None:
            return []
        return [
            PreferencePair(
                problem_id=pool.problem.id,
                prompt=prompt,
                chosen=pool.candidates[consensus.winner].text,
                rejected=None,
                chosen_index=consensus.winner,
                rejected_index=None,
                chosen_consensus=consensus.scores[consensus.winner],
                rejected_consensus=None,
            )
        ]
