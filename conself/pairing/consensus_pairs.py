"""Preference pairs without an oracle: the candidate most agreed with, against those least agreed with."""

from dataclasses import dataclass
from typing import ClassVar

from conself.consensus import Consensus, losers
from conself.records import Candidate, Pool, PreferencePair


@dataclass(frozen=True)
class ConsensusPairs:
    """Pairs the candidate of highest consensus score with up to ``max_losers`` that score strictly lower (METHOD).

    Losers come live ones first, lowest score first, then lowest index; identical program text is used once, and
    never against itself.

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
        if self.max_losers < 1:
            raise ValueError(f"pairing.max_losers must be at least 1, got {self.max_losers}; METHOD uses 3")

    def __call__(self, pool: Pool, consensus: Consensus, prompt: str) -> list[PreferencePair]:
        """The pairs of one problem, all with the same winner; ``prompt`` is the rendered direct prompt."""
        if consensus.winner is None:
            return []
        best = pool.candidates[consensus.winner]
        return [
            PreferencePair(
                problem_id=pool.problem.id,
                prompt=prompt,
                chosen=best.text,
                rejected=pool.candidates[index].text,
                chosen_index=consensus.winner,
                rejected_index=index,
                chosen_consensus=consensus.scores[consensus.winner],
                rejected_consensus=consensus.scores[index],
            )
            for index in self._losers(pool, consensus, best)
        ]

    def _losers(self, pool: Pool, consensus: Consensus, best: Candidate) -> list[int]:
        used = {_program(best)}
        fresh: list[int] = []
        for index in losers(consensus):
            program = _program(pool.candidates[index])
            if program not in used:
                used.add(program)
                fresh.append(index)
        live = [index for index in fresh if not consensus.crashed[index]]
        return (live or (fresh if self.crashed_fill else []))[: self.max_losers]


def why_no_pair(pool: Pool, consensus: Consensus) -> str:
    """Why a problem gives no pair, in one of few fixed texts so that reasons can be counted."""
    if consensus.winner is None:
        return "every candidate crashed"
    lower = losers(consensus)
    if not lower:
        return "no candidate scores below the winner"
    best = _program(pool.candidates[consensus.winner])
    if all(_program(pool.candidates[index]) == best for index in lower):
        return "every lower candidate repeats the winner's program"
    return "only crashed candidates score below the winner"


def _program(candidate: Candidate) -> tuple[bool, str]:
    """What identifies a program: its code, or where there is no code block the whole completion."""
    return (True, candidate.code) if candidate.code is not None else (False, candidate.text)
