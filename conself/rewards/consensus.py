"""The consensus score of a response: how many of the others give its outputs (docs/method.md#consensus)."""

from collections.abc import Sequence
from dataclasses import dataclass

from conself.agreement.traces import Agreement
from conself.rankings.consensus import consensus_scores
from conself.records import Pool


@dataclass(frozen=True)
class Consensus:
    """R(c_k) over the problem's own inputs, in [0, 1]; 0 for a program that crashes on all of them, and for none."""

    def __call__(self, pool: Pool, agreement: Agreement, progress: float) -> Sequence[float]:  # noqa: ARG002
        """R of each candidate."""
        return consensus_scores(agreement.keys)
