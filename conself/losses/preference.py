"""Preference losses: a winner's log-probability against its loser's, both relative to the reference (Eq. 4, 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from conself.losses.output import LogProbs, LossOutput

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class PairSums:
    """Log-probabilities of the responses of N pairs under one model, in nats.

    ``chosen`` and ``rejected`` [N], float64: sums over response tokens; ``rejected`` is None where pairs have no loser.
    """

    chosen: Tensor
    rejected: Tensor | None


def pair_sums(log_probs: LogProbs, rows: Tensor) -> PairSums:
    """Sum log-probs per response, for the winners and any losers that ``rows`` [N, 1 or 2] names."""
    sums = log_probs.sums()
    return PairSums(sums[rows[:, 0]], sums[rows[:, 1]] if rows.shape[1] > 1 else None)


def drift(policy: PairSums, reference: PairSums) -> Tensor:
    """Estimate [N] KL(ref || pi) in nats per response: the mean of log ref - log pi over a pair's winner and loser.

    This is the estimator k1 = -log r, r = pi(y) / ref(y), of J. Schulman, "Approximating KL Divergence" (2020,
    http://joschu.net/blog/kl-approx.html): unbiased for responses y drawn from ref, and sometimes negative. His
    k3 = (r - 1) - log r is never negative and has less variance while r is near 1. But here r is a ratio of whole
    programs, e^20 after 20 nats, so a single response would dominate the mean.

    It is not KL(pi || ref), which needs samples from pi, and it is biased: winners and losers are a selection of the
    samples (winners once per pair). They were also drawn with an observation in the prompt and the sampler's
    truncation, neither of which these log-probs include. Read it as how far training has moved the probability of its
    own responses: 0 at the start, negative if winners gained more than losers lost.
    """
    import torch

    moved = [reference.chosen - policy.chosen]
    if policy.rejected is not None and reference.rejected is not None:
        moved.append(reference.rejected - policy.rejected)
    return torch.stack(moved).mean(0)


def preference(
    policy: LogProbs, reference: LogProbs | None, rows: Tensor, winner_weight: Tensor, beta: float
) -> LossOutput:
    """``-winner_weight * logsigmoid(r)``, r = beta * [(log pi - log ref)(yw) - (log pi - log ref)(yl)] (Eq. 4, 5).

    Con-DPO and DPO are this function under different weights [N]; ``rows`` [N, 2] names winners and losers.
    Diagnostics, each [N]: ``margin`` r and ``accuracy`` (r > 0); ``chosen_reward`` and ``rejected_reward``, whose
    difference is r; ``chosen_log_prob`` and ``rejected_log_prob`` under the policy, and ``kl`` (:func:`drift`), in
    nats per response.

    Raises:
        ValueError: there is no reference, or there are no losers to compare with.
    """
    from torch.nn.functional import logsigmoid

    if reference is None:
        raise ValueError("a preference loss needs reference log-probs; pass them, or use loss=sft")
    ours, theirs = pair_sums(policy, rows), pair_sums(reference, rows)
    if ours.rejected is None or theirs.rejected is None:
        raise ValueError("a preference loss needs a loser in every pair; use loss=sft, or a pairing that gives losers")
    chosen = beta * (ours.chosen - theirs.chosen)
    rejected = beta * (ours.rejected - theirs.rejected)
    margin = chosen - rejected
    diagnostics = {
        "margin": margin,
        "accuracy": (margin > 0).to(margin.dtype),
        "chosen_reward": chosen,
        "rejected_reward": rejected,
        "chosen_log_prob": ours.chosen,
        "rejected_log_prob": ours.rejected,
        "kl": drift(ours, theirs),
    }
    return LossOutput(
        losses=-winner_weight * logsigmoid(margin),
        diagnostics={name: values.detach() for name, values in diagnostics.items()},
    )
