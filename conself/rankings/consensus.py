"""Consensus: rank by how many other candidates give the same outputs (docs/method.md#consensus)."""

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
    """Rank by consensus score R; the weight is the winner's R. ConSelf's ranking, and functional majority voting.

    Args:
        behaviour: rules of :class:`~conself.agreement.behaviour.Behaviour`, applied after the run's own ``behaviour``.
    """

    gives_weight: ClassVar[bool] = True

    behaviour: Behaviour

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by R; no winner if every candidate crashed; of equal scores the lowest index wins."""
        agreement = agreement_of(self.behaviour(agreement.keys, pool.problem.entry_point is None))
        return nothing_to_rank(agreement) or by_consensus(agreement)


def by_consensus(agreement: Agreement) -> Ranked:
    """Rank candidates, at least one of them alive, by consensus score; the solutions are the winner's cluster."""
    scores = consensus_scores(agreement.keys)
    order = by_score(scores, alive(agreement))
    cluster = agreement.cluster_of(order[0][0])
    return chosen(order, len(scores), cluster, (), scores[cluster[0]])


def consensus_scores(keys: Keys) -> list[float]:
    """Compute R(c_k) = mean over the M inputs of count(E_k[j] in V_j) / |V_j| (Algorithm 2).

    V_j are the non-CRASH outputs on input j. CRASH at j adds 0, so crashed candidates score 0. Sums are exact
    fractions: equal scores are equal floats whatever the order of inputs.

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
