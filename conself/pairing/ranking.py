"""From scores to pairs: the candidate of highest score against those of lowest, whatever gave the scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.consensus import Consensus, losers
from conself.records import Candidate, Pool, PreferencePair


@dataclass(frozen=True)
class RankedPairs:
    """Pairs the candidate of highest score with up to ``max_losers`` that score strictly lower (METHOD).

    Losers come live ones first, lowest score first, then lowest index; identical program text is used once, and never
    against itself. By which scores is said by ``ranked``.

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

    def ranked(self, consensus: Consensus) -> Consensus:
        """The agreement with the scores and the winner that pairs are made by: here, the consensus scores."""
        return consensus

    def __call__(self, pool: Pool, consensus: Consensus, prompt: str) -> list[PreferencePair]:
        """The pairs of one problem, all with the same winner; none where every candidate crashed.

        ``prompt`` is the rendered direct prompt.
        """
        ranked = self.ranked(consensus)
        if ranked.winner is None:
            return []
        best = pool.candidates[ranked.winner]
        return [
            PreferencePair(
                problem_id=pool.problem.id,
                prompt=prompt,
                chosen=best.text,
                rejected=pool.candidates[index].text,
                chosen_index=ranked.winner,
                rejected_index=index,
                chosen_consensus=ranked.scores[ranked.winner],
                rejected_consensus=ranked.scores[index],
            )
            for index in _losers(pool, ranked, best, self.crashed_fill)[: self.max_losers]
        ]


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


def _losers(pool: Pool, ranked: Consensus, best: Candidate, crashed_fill: bool) -> Sequence[int]:
    used = {_program(best)}
    fresh: list[int] = []
    for index in losers(ranked):
        program = _program(pool.candidates[index])
        if program not in used:
            used.add(program)
            fresh.append(index)
    live = [index for index in fresh if not ranked.crashed[index]]
    return live or (fresh if crashed_fill else [])


def _program(candidate: Candidate) -> tuple[bool, str]:
    """What identifies a program: its code, or where there is no code block the whole completion."""
    return (True, candidate.code) if candidate.code is not None else (False, candidate.text)
