"""Build the preference pairs of a curriculum: render prompts, count dropped problems, cap the number of pairs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from conself.agreement.traces import Agreement
from conself.pairings.winner_and_losers import why_no_pair
from conself.prompts.prompts import PromptStyle, program_messages, render
from conself.rankings.ranked import Ranked, Ranking
from conself.records import Candidate, Pool, PreferencePair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

EMPTY = "the winner is an empty answer"
IndexPair = tuple[int, int | None]
"""Winner and loser among a problem's candidates; None for no loser."""


class Pairing(Protocol):
    """Pairs the candidates of one problem, given their ranking and which of them are the same program.

    Pure over indices: ``programs`` has one value per candidate, equal for equal programs. ``gives_losers`` says whether
    all of its pairs have a loser, or none of them.
    """

    gives_losers: ClassVar[bool]

    def __call__(self, ranked: Ranked, programs: Sequence[Hashable]) -> list[IndexPair]:
        """Return the pairs, a few at most; none if the problem is unsuitable."""
        ...


class NothingToLearnError(ValueError):
    """No problem is left, or none gives a pair: an error in the first round; a later round ends the job normally."""


@dataclass(frozen=True)
class Paired:
    """The ranking of one problem's candidates and their pairs; ``reason``: why there are no pairs, or None."""

    ranked: Ranked
    pairs: list[IndexPair]
    reason: str | None


def pairs_of(pool: Pool, agreement: Agreement, ranking: Ranking, pairing: Pairing) -> Paired:
    """Build the pairs of a pool, for training and for figures alike."""
    ranked = ranking(pool, agreement, agreement.passing)
    programs = [program_of(candidate) for candidate in pool.candidates]
    pairs = pairing(ranked, programs)
    return Paired(ranked, pairs, None if pairs else why_no_pair(ranked, programs))


def program_of(candidate: Candidate) -> tuple[bool, str]:
    """Return the text that identifies a program: its code, or the whole completion if it has no code block."""
    return (True, candidate.code) if candidate.code is not None else (False, candidate.text)


def ordered(pairs: Sequence[PreferencePair], kept: Sequence[str], ranked: bool) -> list[PreferencePair]:
    """Sort the pairs by the order of the problems ``kept`` if that is a ranking; otherwise leave them."""
    rank = {name: place for place, name in enumerate(kept)}
    return sorted(pairs, key=lambda pair: rank[pair.problem_id]) if ranked else list(pairs)


def build_pairs(
    pools: Iterable[tuple[Pool, Agreement]],
    ranking: Ranking,
    pairing: Pairing,
    prompts: PromptStyle,
    tokenizer: PreTrainedTokenizerBase,
) -> tuple[list[PreferencePair], dict[str, int]]:
    """Build the pairs of every pool, in order, and count the problems without pairs by reason.

    Pairs carry the direct prompt, without the observation, so that training matches evaluation (docs/method.md#pairs).

    Raises:
        NothingToLearnError: no problem gives a pair.
    """
    pairs: list[PreferencePair] = []
    dropped: Counter[str] = Counter()
    for pool, agreement in pools:
        paired = pairs_of(pool, agreement, ranking, pairing)
        if paired.reason is not None:
            dropped[paired.reason] += 1
            continue
        if not all(pool.candidates[winner].text for winner, _ in paired.pairs):
            dropped[EMPTY] += 1
            continue
        prompt = render(tokenizer, program_messages(prompts, pool.problem, observation=None))
        texts = [candidate.text for candidate in pool.candidates]
        pairs += [
            PreferencePair(
                problem_id=pool.problem.id,
                prompt=prompt,
                chosen=texts[winner],
                rejected=None if loser is None else texts[loser],
                chosen_index=winner,
                rejected_index=loser,
                winner_weight=paired.ranked.winner_weight,
            )
            for winner, loser in paired.pairs
        ]
    if not pairs:
        reasons = ", ".join(f"{n}: {reason}" for reason, n in dropped.items())
        raise NothingToLearnError(
            f"none of the {dropped.total()} kept problems gives a pair ({reasons}); sample more, or raise tau"
        )
    return pairs, dict(dropped)


def capped(pairs: Sequence[PreferencePair], max_pairs: int | None, seed: int, ranked: bool) -> list[PreferencePair]:
    """Keep at most ``max_pairs`` pairs, whole problems at a time with the last one cut; None keeps all.

    For comparisons of equal size (docs/method.md#methods). If ``pairs`` are ``ranked`` the first ones are kept;
    otherwise problems are taken in a seeded order, which doesn't depend on their order in ``pairs``.

    Raises:
        ValueError: ``max_pairs`` is below 1.
    """
    if max_pairs is None:
        return list(pairs)
    if max_pairs < 1:
        raise ValueError(f"max_pairs must be an int of at least 1, or null for all, got {max_pairs}")
    if ranked or len(pairs) <= max_pairs:
        return list(pairs[:max_pairs])

    def draw(pair: PreferencePair) -> bytes:
        return hashlib.sha256(f"{seed}/pairs/{pair.problem_id}".encode()).digest()

    return sorted(pairs, key=draw)[:max_pairs]
