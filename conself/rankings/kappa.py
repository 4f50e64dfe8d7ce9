"""Kappa: rank by agreement with all other candidates beyond chance."""

from dataclasses import dataclass
from math import fsum
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.agreement.votes import kappas
from conself.rankings.consensus import by_consensus
from conself.rankings.ranked import Ranked, alive, by_score, chosen, nothing_to_rank
from conself.records import Pool


@dataclass(frozen=True)
class Kappa:
    """Rank by summed Cohen's kappas with all others (:func:`conself.agreement.votes.kappa`); weight: the winner's mean.

    If no two candidates agree beyond chance, or on a single input, order and winner are those of the consensus score,
    and the weight is 0.
    """

    gives_weight: ClassVar[bool] = True

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by kappa; no winner if every candidate crashed; of equal sums the lowest index wins."""
        if empty := nothing_to_rank(agreement):
            return empty
        total, sums = len(agreement.keys), [fsum(sorted(row)) for row in kappas(agreement.keys)]
        order = by_score(sums, alive(agreement))
        if (best := sums[order[0][0]]) > 0:
            return chosen(order, total, agreement.cluster_of(order[0][0]), (), min(best / (total - 1), 1.0))
        fallback = by_consensus(agreement)
        return chosen(fallback.order, total, fallback.solutions, (), 0.0)
