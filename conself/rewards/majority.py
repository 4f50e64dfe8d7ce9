"""Majority vote: reward 1 for the responses in the largest cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.records import Pool


@dataclass(frozen=True)
class Majority:
    """Reward 1 for members of the largest cluster, else 0. A baseline: such training is known to collapse.

    Among equally large clusters, the one with the lowest index counts. Source: self-rewarded training
    (arXiv 2505.21444).
    """

    needs_tests: ClassVar[bool] = False

    def __call__(
        self,
        pool: Pool,
        agreement: Agreement,
        passing: PassingMatrix | None,  # noqa: ARG002
        progress: float,  # noqa: ARG002
    ) -> Sequence[float]:
        """Return 0 or 1 for each candidate; all are 0 where every candidate crashed."""
        largest = set(agreement.clusters[0]) if agreement.clusters else set()
        return [float(index in largest) for index in range(len(pool.candidates))]
