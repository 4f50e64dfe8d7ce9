"""Unseen mass: how likely the next candidate does what none has done before."""

from dataclasses import dataclass

from conself.agreement.traces import Agreement
from conself.agreement.votes import incomplete, whole_traces
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class UnseenMass:
    """The share of candidates whose behaviour nobody else shows, those that crash on any input included.

    n_1/K, n_1 the clusters of one: Good and Turing's estimate of the probability of all that has not been seen yet
    (Good, Biometrika 40, 1953). Where it is high, K candidates are too few to say what the model would agree on.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """The share in [0, 1], or Undefined without candidates or inputs."""
        if reason := incomplete(agreement.keys):
            return reason
        k = len(agreement.keys)
        return (k - sum(n for n in whole_traces(agreement.keys).values() if n > 1)) / k
