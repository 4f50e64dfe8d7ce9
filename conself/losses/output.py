"""What every loss takes and gives: per-response log-probabilities in, one loss per pair out.

N is the number of pairs at hand. A loss never averages: the trainer sums the N losses of each micro-batch and
divides by the number of pairs of the whole global batch, which keeps that mean exact however it is cut up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class LogProbs:
    """Log-probabilities of the responses of N pairs under one model, in nats.

    ``chosen`` and ``rejected`` [N], float: sums over response tokens, end of turn included; ``rejected`` is None
    when the pairs have no loser. ``chosen_tokens`` [N], int: how many tokens each of the ``chosen`` sums spans.
    """

    chosen: Tensor
    rejected: Tensor | None
    chosen_tokens: Tensor


@dataclass(frozen=True, slots=True)
class LossOutput:
    """``losses`` [N], differentiable, one per pair; ``diagnostics`` by name, each [N] and detached, for the log."""

    losses: Tensor
    diagnostics: Mapping[str, Tensor]


class Loss(Protocol):
    """A loss over N pairs. ``winner_weight`` [N] is R(yw), how much speaks for each pair's winner, in [0, 1].

    ``needs_reference`` says whether ``reference`` is read; where it is False, None may be passed. ``needs_losers``
    says whether pairs must have a loser; where it is False they must have none, or winners would count many times.
    ``needs_weight`` says whether ``winner_weight`` is read; where it is False, pairs may have none.
    """

    needs_reference: ClassVar[bool]
    needs_losers: ClassVar[bool]
    needs_weight: ClassVar[bool]

    def __call__(self, policy: LogProbs, reference: LogProbs | None, winner_weight: Tensor) -> LossOutput:
        """The loss of each pair."""
        ...


def check_beta(beta: float) -> None:
    """Refuse a ``beta`` under which nothing would be learned, or the wrong way round.

    Raises:
        ValueError: it is not above 0, or not finite.
    """
    if not 0 < beta < math.inf:
        raise ValueError(f"loss.beta is {beta}; it must be above 0 (beta=0.1 is the paper's)")


def check_losers(there: bool, needed: bool) -> None:
    """Refuse pairs with losers for a loss without use for them, and the other way round.

    Raises:
        ValueError: losers are ``there`` and not ``needed``, or needed and not there.
    """
    if there != needed:
        need, other = ("a loser in every pair", "winner_and_losers") if needed else ("no losers", "winner_only")
        raise ValueError(f"this loss wants {need}; choose pairing={other}, or another loss")


def check_weights(there: bool, needed: bool) -> None:
    """Refuse winners without a weight for a loss that reads it.

    Raises:
        ValueError: weights are ``needed`` and not ``there``.
    """
    if needed and not there:
        raise ValueError(
            "this loss weighs pairs, and the ranking gives no weights; choose ranking=consensus, or loss=dpo"
        )


def drift(policy: LogProbs, reference: LogProbs) -> Tensor:
    """An estimate [N] of KL(ref || pi) in nats per response: mean of log ref - log pi over a pair's winner and loser.

    This is the estimator k1 = -log r, r = pi(y) / ref(y), of J. Schulman, "Approximating KL Divergence" (2020,
    http://joschu.net/blog/kl-approx.html): unbiased for any responses y that ref draws, and negative at times. His
    k3 = (r - 1) - log r is never negative and has less variance while r is near 1; but r is a ratio of whole programs
    here, which lies at e^20 after 20 nats, so that one response would be the mean. Sums are all that is known of a
    response, hence no k3 per token.

    What it is not: KL(pi || ref), for which pi would have to be sampled; nor free of bias. Winners and losers are
    chosen ones of what ref drew (winners once per pair), and were drawn with an observation in the prompt, truncated as
    the sampler says, while these log-probs are without. Read it as how far training has moved the mass of its own
    responses: 0 at the start, negative where winners gained more than losers lost.
    """
    import torch

    moved = [reference.chosen - policy.chosen]
    if policy.rejected is not None and reference.rejected is not None:
        moved.append(reference.rejected - policy.rejected)
    return torch.stack(moved).mean(0)


def preference(policy: LogProbs, reference: LogProbs | None, winner_weight: Tensor, beta: float) -> LossOutput:
    """``-winner_weight * logsigmoid(r)``, r = beta * [(log pi - log ref)(yw) - (log pi - log ref)(yl)] (Eq. 4, 5).

    Con-DPO and DPO are this function under different weights [N]. Diagnostics, each [N]: ``margin`` r and ``accuracy``
    (r > 0); ``chosen_reward`` and ``rejected_reward``, which r is the difference of; ``chosen_log_prob`` and
    ``rejected_log_prob`` under the policy, and ``kl`` (:func:`drift`), in nats per response.

    Raises:
        ValueError: there is no reference, or there are no losers to compare with.
    """
    from torch.nn.functional import logsigmoid

    if reference is None:
        raise ValueError("a preference loss needs reference log-probs; pass them, or use loss=sft")
    if policy.rejected is None or reference.rejected is None:
        raise ValueError("a preference loss needs a loser in every pair; use loss=sft, or a pairing that gives losers")
    chosen = beta * (policy.chosen - reference.chosen)
    rejected = beta * (policy.rejected - reference.rejected)
    margin = chosen - rejected
    diagnostics = {
        "margin": margin,
        "accuracy": (margin > 0).to(margin.dtype),
        "chosen_reward": chosen,
        "rejected_reward": rejected,
        "chosen_log_prob": policy.chosen,
        "rejected_log_prob": policy.rejected,
        "kl": drift(policy, reference),
    }
    return LossOutput(
        losses=-winner_weight * logsigmoid(margin),
        diagnostics={name: values.detach() for name, values in diagnostics.items()},
    )
