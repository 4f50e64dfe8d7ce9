"""The consensus score of a response: how many of the others agree with its outputs (docs/method.md#consensus)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.consensus import consensus_scores
from conself.records import Pool


@dataclass(frozen=True)
class ConsensusReward:
    """R(c_k) over the problem's own inputs, in [0, 1]; 0 for a program that is missing or crashes on all of them."""

    needs_tests: ClassVar[bool] = False

    def __call__(
        self,
        pool: Pool,  # noqa: ARG002
        agreement: Agreement,
        passing: PassingMatrix | None,  # noqa: ARG002
        progress: float,  # noqa: ARG002
    ) -> Sequence[float]:
        """Return R of each candidate."""
        return consensus_scores(agreement.keys)
