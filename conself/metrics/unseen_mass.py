"""Unseen mass: how likely the next candidate shows a new behaviour."""

from dataclasses import dataclass

from conself.agreement.traces import Agreement
from conself.agreement.votes import incomplete, whole_traces
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class UnseenMass:
    """The share of candidates whose behaviour no other candidate shows, including those that crash on any input.

    n_1/K, with n_1 clusters of one: Good and Turing's estimate of the probability of all unseen behaviours (Good,
    Biometrika 40, 1953). If it is high, K candidates are too few to estimate the model's agreement.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the share in [0, 1], or Undefined without candidates or inputs."""
        if reason := incomplete(agreement.keys):
            return reason
        k = len(agreement.keys)
        return (k - sum(n for n in whole_traces(agreement.keys).values() if n > 1)) / k
