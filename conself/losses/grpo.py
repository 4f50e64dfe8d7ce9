"""GRPO: a clipped policy gradient on groups of rollouts, each weighted by its advantage in its group.

Source: DeepSeekMath (arXiv 2402.03300), Eq. 3 and 4; asymmetric clipping and the mean over tokens from DAPO (arXiv
2503.14476), the dual clip from Ye et al. (arXiv 1912.09729).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conself.losses.output import LogProbs, LossOutput, MeanOver, Signal

if TYPE_CHECKING:
    from torch import Tensor

_MEANS = ("tokens", "responses")


@dataclass(frozen=True, slots=True)
class GRPO:
    """Per token ``-min(rho A, clip(rho, 1 - clip_low, 1 + clip_high) A) + beta * kl``.

    A is the advantage of the token's rollout, rho the ratio of its probability to that with which it was drawn. For A <
    0 the first term is at most ``-dual_clip * A`` (null: no such bound). ``kl`` is Schulman's k3, exp(d) - d - 1 with d
    = log ref - log pi, which is unbiased as a value, though its gradient is not KL's; a ``beta`` of 0 reads no
    reference at all. One ratio serves both clipping and samplers whose log-probs differ slightly from the learner's;
    rollouts must be drawn at temperature 1 from the whole distribution, or the ratio is meaningless.

    ``mean_over`` is ``tokens`` (of the global batch, DAPO) or ``responses`` (each the mean over its own tokens, as in
    the source).

    Raises:
        ValueError: a number is out of its range; the message names its key.
    """

    needs_losers: ClassVar[bool] = False
    needs_weight: ClassVar[bool] = False
    needs_rollouts: ClassVar[bool] = True

    clip_low: float
    clip_high: float
    dual_clip: float | None
    beta: float
    mean_over: MeanOver

    def __post_init__(self) -> None:
        if not 0 < self.clip_low < 1:
            raise ValueError(f"loss.clip_low is {self.clip_low}; it must lie between 0 and 1")
        if not 0 < self.clip_high < math.inf:
            raise ValueError(f"loss.clip_high is {self.clip_high}; it must be above 0, and finite")
        if self.dual_clip is not None and not 1 + self.clip_high < self.dual_clip < math.inf:
            raise ValueError(
                f"loss.dual_clip is {self.dual_clip}; it must be above 1 + loss.clip_high, or null: no such bound"
            )
        if not 0 <= self.beta < math.inf:
            raise ValueError(f"loss.beta is {self.beta}; it must be 0 (no reference) or above, and finite")
        if self.mean_over not in _MEANS:
            raise ValueError(f"loss.mean_over must be one of {', '.join(_MEANS)}, got {self.mean_over!r}")

    @property
    def needs_reference(self) -> bool:
        """Return whether there is a KL term."""
        return self.beta > 0

    def __call__(self, policy: LogProbs, reference: LogProbs | None, signal: Signal) -> LossOutput:
        """Compute the loss [T] of each token of all rollouts; ``signal.values`` [N, K] holds their advantages.

        Diagnostics, each [T]: ``ratio`` rho, with its maximum ``ratio_max``; ``clipped``, tokens without gradient
        because of the clip; ``log_prob`` under the policy; ``behaviour_kl``, k3 of KL(mu || pi), which is 0 if sampler
        and learner agree and no step was taken in between; ``kl`` with a reference. Under ``mean_over=responses`` all
        but the maximum are divided by the number of the response's tokens.

        Raises:
            ValueError: there are no behaviour log-probs, or the loss needs a reference and there is none.
        """
        import torch

        if signal.behaviour is None:
            raise ValueError("GRPO needs the log-probs with which responses were drawn; have the sampler note them")
        rows = signal.rows.flatten()
        lengths = policy.lengths_of(rows)
        advantage = signal.values.flatten().repeat_interleave(lengths)
        log_prob = policy.of(rows)
        ratio = (log_prob - signal.behaviour).exp()
        gain = torch.minimum(ratio * advantage, ratio.clamp(1 - self.clip_low, 1 + self.clip_high) * advantage)
        if self.dual_clip is not None:
            gain = torch.where(advantage < 0, torch.maximum(gain, self.dual_clip * advantage), gain)
        losses, kl = -gain, {}
        if self.needs_reference:
            if reference is None:
                raise ValueError("GRPO with loss.beta above 0 needs reference log-probs; pass them, or set loss.beta=0")
            kl = {"kl": k3(reference.of(rows) - log_prob)}
            losses = losses + self.beta * kl["kl"]
        own = lengths.repeat_interleave(lengths).to(ratio.dtype)
        share = 1 / own if self.mean_over == "responses" else torch.ones_like(own)
        diagnostics = {
            "ratio": ratio,
            "clipped": self._clipped(ratio, advantage).to(ratio.dtype),
            "log_prob": log_prob,
            "behaviour_kl": k3(log_prob - signal.behaviour),
            **kl,
        }
        means = {name: (values * share).detach() for name, values in diagnostics.items()}
        return LossOutput(losses * share, means, {"ratio_max": ratio.detach()})

    def _clipped(self, ratio: Tensor, advantage: Tensor) -> Tensor:
        too_low = (ratio < 1 - self.clip_low) & (advantage < 0)
        too_high = (ratio > 1 + self.clip_high) & (advantage > 0)
        bound = math.inf if self.dual_clip is None else self.dual_clip
        return too_low | too_high | ((ratio > bound) & (advantage < 0))


def k3(log_ratio: Tensor) -> Tensor:
    """Compute exp(d) - d - 1 of ``log_ratio`` d = log p - log q, elementwise: estimates KL(q || p) from draws of q.

    Never negative (J. Schulman, "Approximating KL Divergence", 2020).
    """
    return log_ratio.exp() - log_ratio - 1
