"""Largest cluster: the behaviour that most candidates show on all inputs (functional majority voting, MBR-Exec)."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.ranked import Ranked, alive, by_score, chosen, nothing_to_rank
from conself.records import Pool


@dataclass(frozen=True)
class LargestCluster:
    """Rank by the size of a candidate's cluster of equal traces; the weight is the largest cluster's share of all K.

    Clusters of equal size are tied, and the one with the lowest index is judged right (MBR-Exec's choice: Shi et al.,
    arXiv 2204.11454, with 0/1 loss on whole traces).
    """

    gives_weight: ClassVar[bool] = True

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by cluster size; no winner if every candidate crashed."""
        if empty := nothing_to_rank(agreement):
            return empty
        total, largest = len(agreement.keys), agreement.clusters[0]
        sizes = {index: len(cluster) for cluster in agreement.clusters for index in cluster}
        order = by_score([sizes.get(index, 0) for index in range(total)], alive(agreement))
        return chosen(order, total, largest, (), len(largest) / total)
