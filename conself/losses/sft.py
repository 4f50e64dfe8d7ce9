"""SFT: the language-modelling loss on the winner, used by Self-SFT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from conself.losses.output import LogProbs, LossOutput, MeanOver, Signal
from conself.losses.preference import pair_sums


@dataclass(frozen=True, slots=True)
class SFT:
    """Mean negative log-likelihood per token of each winner, then the mean over winners like any other loss here.

    The mean is taken per response, not over all tokens of the global batch: a long program counts no more than a short
    one (as in the preference losses, where each pair counts once), and a response's loss does not depend on the rest
    of its batch. Pairs that repeat a winner repeat its loss: pass winners once.
    """

    needs_reference: ClassVar[bool] = False
    needs_losers: ClassVar[bool] = False
    needs_weight: ClassVar[bool] = False
    needs_rollouts: ClassVar[bool] = False
    mean_over: ClassVar[MeanOver] = "pairs"

    def __call__(self, policy: LogProbs, reference: LogProbs | None, signal: Signal) -> LossOutput:  # noqa: ARG002
        """Compute the loss [N] of each winner; ``reference`` and ``signal.values`` are ignored.

        Diagnostics: ``chosen_log_prob`` in nats per response, as in the preference losses, and each response's
        ``perplexity`` per token.
        """
        chosen = pair_sums(policy, signal.rows).chosen
        losses = -chosen / policy.lengths_of(signal.rows[:, 0])
        diagnostics = {"chosen_log_prob": chosen.detach(), "perplexity": losses.detach().exp()}
        return LossOutput(losses=losses, diagnostics=diagnostics)
