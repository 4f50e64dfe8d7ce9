"""Output entropy: how widely candidates disagree on an input, on average over the inputs."""

from dataclasses import dataclass
from math import fsum

from conself.agreement.traces import Agreement
from conself.agreement.votes import entropy_with_singletons, incomplete, votes
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class OutputEntropy:
    """Mean over the M inputs of the entropy in nats of the K outputs on it; every crash is a distinct output.

    (1/M) sum_j sum_v n_jv/K * log(K/n_jv), n_jv the candidates that give output v on input j. Whole traces differ as
    soon as two programs differ on one input of thirty; outputs show by how much. It is the mean of marginal
    entropies, and partial semantic entropy the joint one, which is never less (Cover and Thomas, Elements of
    Information Theory, section 2.2).
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the mean in [0, log K], or Undefined without candidates or inputs."""
        if reason := incomplete(agreement.keys):
            return reason
        k = len(agreement.keys)
        entropies = [entropy_with_singletons(list(counts.values()), k) for counts in votes(agreement.keys)]
        return fsum(entropies) / len(entropies)
