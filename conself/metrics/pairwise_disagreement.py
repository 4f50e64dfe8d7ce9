"""Pairwise disagreement: how often two candidates give different outputs."""

from dataclasses import dataclass

from conself.agreement.traces import Agreement
from conself.agreement.votes import incomplete, votes
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class PairwiseDisagreement:
    """1 - the share of inputs on which two candidates agree, mean over all pairs of the K; a crash agrees with nothing.

    1 - (1/M) sum_j sum_v n_jv (n_jv - 1) / (K (K - 1)), n_jv the candidates that give output v on input j: per input,
    the unbiased estimate of Simpson's index of diversity (Nature 163, 1949), the chance that two draws differ.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the mean in [0, 1], or Undefined with fewer than two candidates or without inputs."""
        if reason := incomplete(agreement.keys):
            return reason
        k = len(agreement.keys)
        if k < 2:
            return Undefined("fewer than 2 candidates")
        columns = votes(agreement.keys)
        agreeing = sum(n * (n - 1) for counts in columns for n in counts.values())
        pairs = k * (k - 1) * len(columns)
        return (pairs - agreeing) / pairs
