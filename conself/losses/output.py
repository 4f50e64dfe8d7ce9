"""Inputs and outputs of every loss: log-probabilities of response tokens in, losses before averaging out.

S is the number of tokens of R distinct responses, N the number of examples with K responses each: K is 2 if winners
have losers, and 1 otherwise. A loss never averages. The learner sums the losses of each micro-batch and divides by
the number of pairs, responses or tokens (``mean_over``) in the global batch, which keeps the mean exact however the
batch is cut.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MeanOver = Literal["pairs", "responses", "tokens"]
"""The units that a loss is averaged over. Under the last two each response counts separately from its example."""


@dataclass(frozen=True, slots=True)
class LogProbs:
    """Log-probabilities of response tokens under one model, in nats.

    ``tokens`` [S], float, holds those of R responses one after another, end of turn included; ``lengths`` has the
    number of tokens of each response.
    """

    tokens: Tensor
    lengths: tuple[int, ...]

    def sums(self) -> Tensor:
        """Sum over each response: [R], float64, because losses take small differences of large sums."""
        import torch

        return torch.stack([tokens.sum() for tokens in self.tokens.double().split(self.lengths)])

    def of(self, rows: Tensor) -> Tensor:
        """Return the tokens of the responses ``rows`` [M], int64, one after another: [T], float64."""
        import torch

        parts = self.tokens.double().split(self.lengths)
        return torch.cat([parts[row] for row in rows.tolist()])

    def lengths_of(self, rows: Tensor) -> Tensor:
        """Return the number of tokens of each of the responses ``rows``: int64, of the shape of ``rows``."""
        return rows.new_tensor(self.lengths)[rows]


@dataclass(frozen=True, slots=True)
class Signal:
    """The training signal of N examples with K responses each.

    ``rows`` [N, K], int64, points to the R distinct responses, each of which is computed once. ``values`` [N, K],
    float64: R(yw) in [0, 1] for a winner and 0 for its loser; the advantage for a rollout. ``behaviour`` [T], float64,
    holds the log-probs with which the tokens of all N x K responses were drawn, response after response; None if they
    were not recorded.
    """

    rows: Tensor
    values: Tensor
    behaviour: Tensor | None

    def to(self, device: torch.device) -> Signal:
        """Copy to another device."""
        behaviour = None if self.behaviour is None else self.behaviour.to(device)
        return Signal(self.rows.to(device), self.values.to(device), behaviour)


@dataclass(frozen=True, slots=True)
class LossOutput:
    """``losses`` [U], differentiable, one for each pair (response, token), and ``diagnostics`` by name, for the log.

    Diagnostics are [U] and detached. Both are summed and divided by the same number. ``highest`` holds further values
    by name, of any shape but not empty; the log gets their maximum over the batch.
    """

    losses: Tensor
    diagnostics: Mapping[str, Tensor]
    highest: Mapping[str, Tensor] = field(default_factory=dict)


class Loss(Protocol):
    """A loss over N examples, whose mean is taken over ``mean_over``.

    ``needs_reference`` says whether ``reference`` is read; if not, None may be passed. ``needs_losers`` says whether
    examples must be pairs of a winner and a loser; if not, each must have one response, or winners would be counted
    several times. ``needs_weight`` says whether winners' ``signal.values`` are read; if not, pairs may have none.
    ``needs_rollouts`` says whether advantages and behaviour log-probs are read, which only responses sampled for the
    step have.
    """

    needs_losers: ClassVar[bool]
    needs_weight: ClassVar[bool]
    needs_rollouts: ClassVar[bool]

    @property
    def needs_reference(self) -> bool:
        """Return whether ``reference`` is read."""
        ...

    @property
    def mean_over(self) -> MeanOver:
        """Return the units whose number the learner divides the sum of losses by."""
        ...

    def __call__(self, policy: LogProbs, reference: LogProbs | None, signal: Signal) -> LossOutput:
        """Compute the loss of each pair, response or token."""
        ...


def check_beta(beta: float) -> None:
    """Check that ``beta`` is positive and finite; otherwise nothing would be learned, or the opposite.

    Raises:
        ValueError: it is not above 0, or not finite.
    """
    if not 0 < beta < math.inf:
        raise ValueError(f"loss.beta is {beta}; it must be above 0 (beta=0.1 is the paper's)")


def check_losers(present: bool, needed: bool) -> None:
    """Check that pairs have losers exactly if the loss needs them.

    Raises:
        ValueError: losers are ``present`` but not ``needed``, or needed but not present.
    """
    if present != needed:
        need, other = ("a loser in every pair", "winner_and_losers") if needed else ("no losers", "winner_only")
        raise ValueError(f"this loss wants {need}; choose pairing={other}, or another loss")


def check_weights(present: bool, needed: bool) -> None:
    """Check that winners have weights if the loss reads them.

    Raises:
        ValueError: weights are ``needed`` but not ``present``.
    """
    if needed and not present:
        raise ValueError(
            "this loss weighs pairs, and the ranking gives no weights; choose ranking=consensus, or loss=dpo"
        )


def check_pairs_do(loss: Loss) -> None:
    """Check that the loss can learn from preference pairs.

    Raises:
        ValueError: it reads advantages and behaviour log-probs, which pairs don't have.
    """
    if loss.needs_rollouts:
        raise ValueError(
            f"loss: {type(loss).__name__} learns from responses sampled for each step, and this pipeline makes "
            "preference pairs; choose loss=con_dpo, loss=dpo or loss=sft, or pipeline=reinforcement"
        )
