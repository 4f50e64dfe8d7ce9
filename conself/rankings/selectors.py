# ruff: noqa: ARG001  # a selector reads what candidates did, or what they are
"""Which one candidate to answer with: ``(Pool, Consensus) -> index | None``, without an oracle and without training.

None means that a selector has nobody to choose; an answer that isn't given counts as wrong, unless the pool lacks what
the selector reads (:func:`applies`). A candidate taken at random is right as often as candidates are on average, and
needs no selector.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import fsum

from conself.agreement.behaviour import Behaviour
from conself.agreement.consensus import Consensus, consensus_scores, pseudo_test_scores
from conself.agreement.consensus import winner as best_of
from conself.agreement.votes import kappas
from conself.records import Pool

Selector = Callable[[Pool, Consensus], int | None]
"""The index of the candidate chosen, or None."""


def consensus(pool: Pool, agreed: Consensus) -> int | None:
    """The winner: highest consensus score (METHOD, Algorithm 2), lowest index; None when all crash."""
    return agreed.winner


def majority_cluster(pool: Pool, agreed: Consensus) -> int | None:
    """The first of the largest cluster of equal traces (functional majority voting); None when all crash."""
    return agreed.clusters[0][0] if agreed.clusters else None


def pseudo_tests(pool: Pool, agreed: Consensus) -> int | None:
    """Who passes most pseudo tests, made by majority vote per input (PFPO); lowest index; None without any test."""
    return best_of(pseudo_test_scores(agreed.keys))


def likeliest(pool: Pool, agreed: Consensus) -> int | None:
    """The lowest negative log-likelihood per token, lowest index; None where a candidate has none (a black box)."""
    values = [candidate.mean_nll for candidate in pool.candidates if candidate.mean_nll is not None]
    return values.index(min(values)) if values and has_likelihoods(pool) else None


def has_likelihoods(pool: Pool) -> bool:
    """Whether all candidates have a likelihood: those of a black box have none."""
    return all(candidate.mean_nll is not None for candidate in pool.candidates)


def first(pool: Pool, agreed: Consensus) -> int | None:
    """Candidate 0: one sample, as it comes."""
    return 0 if pool.candidates else None


def kappa_consensus(pool: Pool, agreed: Consensus) -> int | None:
    """Who agrees most with all others beyond chance: highest sum of Cohen's kappas, lowest index.

    Where nobody agrees with anybody beyond chance, and on a single input, it is the winner by consensus score.
    """
    sums = [fsum(sorted(row)) for row in kappas(agreed.keys)]
    best = best_of(sums)
    return agreed.winner if best is None else best


@dataclass(frozen=True)
class ConsensusUnder:
    """The winner by consensus score once programs without ``behaviour`` count as crashed; None when all do."""

    behaviour: Behaviour

    def __call__(self, pool: Pool, agreed: Consensus) -> int | None:
        """Index of the winner, or None."""
        return best_of(consensus_scores(self.behaviour(agreed.keys, pool.problem.entry_point is None)))


SELECTORS: Mapping[str, Selector] = {
    "consensus": consensus,
    "majority_cluster": majority_cluster,
    "pseudo_tests": pseudo_tests,
    "likeliest": likeliest,
    "first": first,
    "kappa_consensus": kappa_consensus,
    "consensus_silent": ConsensusUnder(Behaviour(silent_crashes=True, constant_crashes_from=None)),
    "consensus_constant": ConsensusUnder(Behaviour(silent_crashes=True, constant_crashes_from=5)),
}
"""By the name under which results report them. The golden pool's rules: ``none`` is silent, ``const5`` constant."""

_NEEDS: Mapping[str, Callable[[Pool], bool]] = {"likeliest": has_likelihoods}


def applies(name: str, pool: Pool) -> bool:
    """Whether a pool has what the selector of this name reads; what candidates did is there in all pools."""
    return name not in _NEEDS or _NEEDS[name](pool)
