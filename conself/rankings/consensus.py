"""Consensus: the candidate whose outputs most others give (docs/method.md#consensus)."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from conself.agreement.behaviour import Behaviour
from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement, Keys, agreement_of
from conself.agreement.votes import votes
from conself.rankings.ranked import Ranked, alive, by_score, chosen, nothing_to_rank
from conself.records import Pool


@dataclass(frozen=True)
class Consensus:
    """By consensus score R; the weight is R of the winner. ConSelf's ranking, and functional majority voting.

    Args:
        behaviour: what counts as behaviour, on top of what the run's own ``behaviour`` has settled.
    """

    gives_weight: ClassVar[bool] = True

    behaviour: Behaviour

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Nobody is chosen where every candidate crashed; of equal scores the lowest index wins."""
        agreement = agreement_of(self.behaviour(agreement.keys, pool.problem.entry_point is None))
        return nothing_to_rank(agreement) or by_consensus(agreement)


def by_consensus(agreement: Agreement) -> Ranked:
    """The ranking by consensus score of candidates of which one at least is alive; solutions: the winner's cluster."""
    scores = consensus_scores(agreement.keys)
    order = by_score(scores, alive(agreement))
    cluster = agreement.cluster_of(order[0][0])
    return chosen(order, len(scores), cluster, (), scores[cluster[0]])


def consensus_scores(keys: Keys) -> list[float]:
    """R(c_k) = mean over the M inputs of count(E_k[j] in V_j) / |V_j|, V_j the non-CRASH outputs on j (Algorithm 2).

    CRASH at j adds 0, so that crashed candidates score 0. Sums are exact fractions: equal scores are equal floats
    whatever the order of inputs.

    Returns:
        K scores in [0, 1].
    """
    columns = votes(keys)
    totals = [counts.total() for counts in columns]

    def score(row: Sequence[str | None]) -> float:
        cells = zip(row, columns, totals, strict=True)
        shares = [Fraction(counts[cell], total) for cell, counts, total in cells if cell is not None]
        return float(sum(shares, Fraction(0)) / max(len(row), 1))

    distinct = {row: score(row) for row in map(tuple, keys)}
    return [distinct[tuple(row)] for row in keys]
