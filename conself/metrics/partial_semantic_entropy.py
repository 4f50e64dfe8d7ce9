"""Partial semantic entropy: code semantic entropy in which each program that crashes anywhere is its own cluster."""

from dataclasses import dataclass

from conself.agreement.behaviour import Behaviour
from conself.agreement.traces import Agreement
from conself.agreement.votes import entropy_with_singletons, incomplete, whole_traces
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class PartialSemanticEntropy:
    """Entropy in nats over all K candidates; one that crashes on any input is a cluster of its own.

    H = sum over clusters c of |c|/K * log(K/|c|), with clusters of equal traces (docs/method.md#clusters) among the
    candidates that run on every input, and one cluster for each of the others. A problem's inputs are valid ones: a
    program that crashes on one of them is wrong whatever it does on the rest, and agreeing with it is no evidence. The
    paper's entropy leaves crashed candidates out, and so calls a problem certain on which two programs of fifteen run.
    The clusters are this project's own (docs/lab-notes.md#candidate-pools); the entropy is the discrete one of Farquhar
    et al., Nature 630 (2024).

    Args:
        behaviour: rules of :class:`~conself.agreement.behaviour.Behaviour`, applied after the run's own ``behaviour``.
    """

    behaviour: Behaviour

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return H in [0, log K], or Undefined without candidates or inputs."""
        if reason := incomplete(agreement.keys):
            return reason
        keys = self.behaviour(agreement.keys, pool.problem.entry_point is None)
        return entropy_with_singletons(list(whole_traces(keys).values()), len(keys))
