"""Joint uncertainty: doubt about what a program does, times doubt about how it is written."""

from dataclasses import dataclass
from statistics import fmean

from conself.agreement.traces import Agreement
from conself.agreement.votes import entropy_with_singletons, incomplete, whole_traces
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class JointUncertainty:
    """Partial semantic entropy times mean token entropy, both in nats.

    Candidates agree on a wrong answer where the model has a confident misunderstanding, and token entropy is blind to
    which tokens matter: the two err on different problems. A product needs no weight between them, and ranks like the
    sum of their logarithms. It is this project's own; its AUC, not its correlations, was what it was chosen for.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """The product, 0 or more; Undefined without candidates or inputs, or without all token entropies."""
        if reason := incomplete(agreement.keys):
            return reason
        tokens = [c.mean_token_entropy for c in pool.candidates if c.mean_token_entropy is not None]
        if len(tokens) < len(pool.candidates):
            return Undefined("candidates without token entropies")
        sizes = list(whole_traces(agreement.keys).values())
        return entropy_with_singletons(sizes, len(agreement.keys)) * fmean(tokens)
