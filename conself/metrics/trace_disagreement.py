"""Trace disagreement: how often two candidates differ on any input."""

from dataclasses import dataclass

from conself.agreement.traces import Agreement
from conself.agreement.votes import incomplete, whole_traces
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class TraceDisagreement:
    """The share of all pairs of the K candidates that differ on some input; one that crashes anywhere differs from all.

    1 - sum_c |c| (|c| - 1) / (K (K - 1)) over clusters c of equal traces without a crash: the unbiased estimate of
    Simpson's index of diversity (Nature 163, 1949) where partial semantic entropy is Shannon's. The largest cluster
    weighs more in it, the many small ones less.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the share in [0, 1], or Undefined with fewer than two candidates or without inputs."""
        if reason := incomplete(agreement.keys):
            return reason
        k = len(agreement.keys)
        if k < 2:
            return Undefined("fewer than 2 candidates")
        alike = sum(n * (n - 1) for n in whole_traces(agreement.keys).values())
        return 1 - alike / (k * (k - 1))
