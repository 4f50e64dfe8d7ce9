"""Preference pairs of a whole curriculum: prompts rendered, dropped problems counted, and the size capped."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

from conself.agreement.consensus import Consensus
from conself.models.prompts import PromptStyle, program_messages, render
from conself.pairing.ranking import why_no_pair
from conself.records import Pool, PreferencePair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Pairing(Protocol):
    """The pairs of one problem, given how its candidates agree and its rendered prompt.

    ``gives_losers`` says whether all of its pairs have a loser, or none.
    """

    gives_losers: ClassVar[bool]

    def ranked(self, consensus: Consensus) -> Consensus:
        """The agreement with the scores and the winner that pairs are made by."""
        ...

    def __call__(self, pool: Pool, consensus: Consensus, prompt: str) -> list[PreferencePair]:
        """At most a few; none where the problem is good for none."""
        ...


class NothingToLearnError(ValueError):
    """No problem is left, or none that gives a pair: the first round is an error, a later one ends the rounds."""


Agreed = tuple[Pool, Consensus]
"""A pool and what its candidates agree on."""


def ordered(pairs: Sequence[PreferencePair], kept: Sequence[str], ranked: bool) -> list[PreferencePair]:
    """The pairs in the order of the problems ``kept`` where that is a ranking, else as they come."""
    rank = {name: place for place, name in enumerate(kept)}
    return sorted(pairs, key=lambda pair: rank[pair.problem_id]) if ranked else list(pairs)


def build_pairs(
    pools: Iterable[Agreed], pairing: Pairing, prompts: PromptStyle, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[PreferencePair], dict[str, int]]:
    """The pairs of every pool, in order, and how many problems give none for each reason.

    Pairs carry the direct prompt, without the observation, so that training matches evaluation (METHOD, "pair prompt").

    Raises:
        NothingToLearnError: no problem gives a pair.
    """
    pairs: list[PreferencePair] = []
    dropped: Counter[str] = Counter()
    for pool, agreement in pools:
        prompt = render(tokenizer, program_messages(prompts, pool.problem, observation=None))
        found = pairing(pool, agreement, prompt)
        if not found:
            dropped[why_no_pair(pool, pairing.ranked(agreement))] += 1
        pairs.extend(found)
    if not pairs:
        reasons = ", ".join(f"{n}: {reason}" for reason, n in dropped.items())
        raise NothingToLearnError(
            f"none of the {dropped.total()} kept problems gives a pair ({reasons}); sample more, or raise tau"
        )
    return pairs, dict(dropped)


def capped(pairs: Sequence[PreferencePair], max_pairs: int | None, seed: int, ranked: bool) -> list[PreferencePair]:
    """At most ``max_pairs`` pairs: whole problems, the last one cut; None keeps all.

    For comparisons of equal size (METHOD, Table 3). Where ``pairs`` are ``ranked`` the first ones stay; else problems
    are taken in a seeded order, so that which ones stay doesn't depend on their order in ``pairs``.

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
