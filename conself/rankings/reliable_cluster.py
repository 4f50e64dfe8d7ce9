"""Reliable cluster: the most likely member of the largest group of equal candidates that run (UCoder)."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf
from statistics import fmean
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.ranked import Order, Ranked, alive, chosen, nobody, nothing_to_rank
from conself.records import Pool

SIGNATURES = ("outputs", "passes")
Key = tuple[float, float]
"""-e and f of a candidate: the lower, the better."""


@dataclass(frozen=True)
class ReliableCluster:
    """The winner r* of UCoder (arXiv 2512.17385): argmax over the largest cluster C* of <e, -f>, lexicographically.

    e is the share of inputs on which a candidate runs, f its perplexity, compared as mean NLL (None comes last).
    Candidates with e < ``rho`` are left out before the rest is grouped by signature. Of equally large clusters the one
    with the higher mean e is chosen, then with the lower mean f, then with the lowest index. All of C* is judged right;
    the weight is its share of all K candidates.

    Args:
        rho: minimal e of a reliable candidate.
        min_cluster: minimal size of C*.
        drop_dead_inputs: inputs on which every candidate crashes don't count for e.
        signature: ``outputs``, by equal traces, in which e is the same for all of a cluster, so that f alone picks the
            winner; or ``passes``, by equal pass bits of generated tests, where failing and crashing are equal.

    Raises:
        ValueError: ``rho`` is outside (0, 1], ``min_cluster`` below 1, or there is no such signature.
    """

    gives_weight: ClassVar[bool] = True

    rho: float
    min_cluster: int
    drop_dead_inputs: bool
    signature: str

    def __post_init__(self) -> None:
        if not 0 < self.rho <= 1:
            raise ValueError(f"ranking.rho must lie in (0, 1], got {self.rho}; UCoder uses 0.8")
        if self.min_cluster < 1:
            raise ValueError(f"ranking.min_cluster must be at least 1, got {self.min_cluster}")
        if self.signature not in SIGNATURES:
            raise ValueError(f"ranking.signature must be one of {', '.join(SIGNATURES)}, got {self.signature!r}")

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:
        """Rank by cluster; no winner if no cluster is reliable and large enough; ``passes`` needs a matrix."""
        size = len(agreement.keys)
        if empty := nothing_to_rank(agreement):
            return empty
        signatures: Sequence[Hashable] = agreement.keys
        executed: Sequence[Sequence[object]] = agreement.keys
        if self.signature == "passes":
            if passing is None:
                return nobody(size, "no generated tests", applies=False)
            signatures, executed = passing.passed, passing.cells
        rates = execution_rates(executed, self.drop_dead_inputs)
        perplexities = [inf if candidate.mean_nll is None else candidate.mean_nll for candidate in pool.candidates]
        keys = [(-rate, perplexity) for rate, perplexity in zip(rates, perplexities, strict=True)]
        reliable = [index for index in alive(agreement) if rates[index] >= self.rho]
        if not reliable:
            return nobody(size, "no reliable candidate")
        clusters = _clusters(signatures, reliable, keys)
        order = tuple(tied for cluster in clusters for tied in _by_key(cluster, keys))
        if len(clusters[0]) < self.min_cluster:
            return nobody(size, "no cluster is large enough", order)
        members = tuple(index for tied in _by_key(clusters[0], keys) for index in tied)
        return chosen(order, size, members, (), len(members) / size)


def execution_rates(cells: Sequence[Sequence[object]], drop_dead: bool) -> list[float]:
    """Compute each candidate's e: the share of its counted cells that are not None.

    With ``drop_dead``, inputs on which every candidate has None are not counted.
    """
    columns = list(zip(*cells, strict=True))
    counted = [column for column in columns if not drop_dead or any(cell is not None for cell in column)]
    return [sum(cell is not None for cell in row) / max(len(counted), 1) for row in cells]


def _clusters(signatures: Sequence[Hashable], members: Sequence[int], keys: Sequence[Key]) -> list[list[int]]:
    """Group members by equal signature, in the order in which C* is chosen."""
    groups: dict[Hashable, list[int]] = {}
    for index in members:
        groups.setdefault(signatures[index], []).append(index)

    def place(group: list[int]) -> tuple[int, float, float, int]:
        return -len(group), fmean(keys[i][0] for i in group), fmean(keys[i][1] for i in group), group[0]

    return sorted(groups.values(), key=place)


def _by_key(cluster: Sequence[int], keys: Sequence[Key]) -> Order:
    """Sort a cluster's members by <e, -f>, ties together."""
    return tuple(tuple(tied) for _, tied in groupby(sorted(cluster, key=lambda i: keys[i]), key=lambda i: keys[i]))
