"""What every loss takes and gives: per-response log-probabilities in, one loss per pair out.

N is the number of pairs at hand. A loss never averages: the trainer sums the N losses of each micro-batch and
divides by the number of pairs of the whole global batch, which keeps that mean exact however it is cut up.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
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
    """A loss over N pairs. ``weights`` [N] is the consensus score R(yw) of each pair's winner, in [0, 1].

    ``needs_reference`` says whether ``reference`` is read; where it is False, None may be passed. ``needs_losers``
    says whether pairs must have a loser; where it is False they must have none, or winners would count many times.
    """

    needs_reference: ClassVar[bool]
    needs_losers: ClassVar[bool]

    def __call__(self, policy: LogProbs, reference: LogProbs | None, weights: Tensor) -> LossOutput:
        """The loss of each pair."""
        ...


def check_beta(beta: float) -> None:
    """Refuse a ``beta`` under which nothing would be learned, or the wrong way round.

    Raises:
        ValueError: it is not above 0, or not finite.
    """
    if not 0 < beta < math.inf:
        raise ValueError(f"loss.beta is {beta}; it must be above 0 (beta=0.1 is the paper's)")


def preference(policy: LogProbs, reference: LogProbs | None, weights: Tensor, beta: float) -> LossOutput:
    """``-weights * logsigmoid(r)`` with r = beta * [(log pi - log ref)(yw) - (log pi - log ref)(yl)] (Eq. 4, 5).

    Con-DPO and DPO are this function under different weights [N].

    Raises:
        ValueError: there is no reference, or there are no losers to compare with.
    """
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
    }
    return LossOutput(
        losses=-weights * torch.nn.functional.logsigmoid(margin),
        diagnostics={name: values.detach() for name, values in diagnostics.items()},
    )
