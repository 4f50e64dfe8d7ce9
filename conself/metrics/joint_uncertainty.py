"""Joint uncertainty: disagreement in behaviour, times token entropy."""

from dataclasses import dataclass
from statistics import fmean

from conself.agreement.traces import Agreement
from conself.agreement.votes import entropy_with_singletons, incomplete, whole_traces
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class JointUncertainty:
    """Partial semantic entropy times mean token entropy, both in nats.

    Candidates agree on a wrong answer if the model confidently misunderstands a problem, and token entropy ignores
    which tokens matter, so the two err on different problems. A product needs no weight between them, and ranks like
    the sum of their logarithms. The metric is this project's own, chosen by its AUC, not by its correlations.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the product, 0 or more; Undefined without candidates or inputs, or without all token entropies."""
        if reason := incomplete(agreement.keys):
            return reason
        tokens = [c.mean_token_entropy for c in pool.candidates if c.mean_token_entropy is not None]
        if len(tokens) < len(pool.candidates):
            return Undefined("candidates without token entropies")
        sizes = list(whole_traces(agreement.keys).values())
        return entropy_with_singletons(sizes, len(agreement.keys)) * fmean(tokens)
