"""What every loss takes and gives: log-probabilities of response tokens in, losses out that nobody has averaged yet.

S is the number of tokens of R distinct responses, N that of examples with K responses each: K is 2 where winners have
losers, and 1 otherwise. A loss never averages: the learner sums what it gives for each micro-batch and divides by how
many pairs, responses or tokens (``mean_over``) the whole global batch has, which keeps that mean exact however the
batch is cut up.
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
"""What a loss is the mean over. Under the last two a response counts by itself, whoever shares its example."""


@dataclass(frozen=True, slots=True)
class LogProbs:
    """Log-probabilities of response tokens under one model, in nats.

    ``tokens`` [S], float, holds those of R responses one after another, end of turn included; ``lengths`` says how many
    each of the R has, and with it which token is whose.
    """

    tokens: Tensor
    lengths: tuple[int, ...]

    def sums(self) -> Tensor:
        """The sum over each response: [R], float64, because losses look at small differences of large sums."""
        import torch

        return torch.stack([tokens.sum() for tokens in self.tokens.double().split(self.lengths)])

    def of(self, rows: Tensor) -> Tensor:
        """The tokens of the responses ``rows`` [M], int64, one after another: [T], float64."""
        import torch

        parts = self.tokens.double().split(self.lengths)
        return torch.cat([parts[row] for row in rows.tolist()])

    def lengths_of(self, rows: Tensor) -> Tensor:
        """How many tokens each of the responses ``rows`` has: int64, of the shape of ``rows``."""
        return rows.new_tensor(self.lengths)[rows]


@dataclass(frozen=True, slots=True)
class Signal:
    """What N examples say of their K responses each.

    ``rows`` [N, K], int64, says which of the R responses each is: equal ones are computed once. ``values`` [N, K],
    float64: of a winner R(yw), how much speaks for it, in [0, 1], and 0 of its loser; of a rollout its advantage.
    ``behaviour`` [T], float64, holds the log-probs with which the tokens of all N x K responses were drawn, response
    after response; None where nobody has noted them.
    """

    rows: Tensor
    values: Tensor
    behaviour: Tensor | None

    def to(self, device: torch.device) -> Signal:
        """The same on another device."""
        behaviour = None if self.behaviour is None else self.behaviour.to(device)
        return Signal(self.rows.to(device), self.values.to(device), behaviour)


@dataclass(frozen=True, slots=True)
class LossOutput:
    """``losses`` [U], differentiable, one for each pair (response, token), and ``diagnostics`` by name, for the log.

    Diagnostics are [U] and detached. Both are summed, and divided by the same number. ``highest`` are further values
    by name, of any shape but not empty, of which the log has the greatest of the whole batch.
    """

    losses: Tensor
    diagnostics: Mapping[str, Tensor]
    highest: Mapping[str, Tensor] = field(default_factory=dict)


class Loss(Protocol):
    """A loss over N examples, whose mean is taken over ``mean_over``.

    ``needs_reference`` says whether ``reference`` is read; where it is False, None may be passed. ``needs_losers``
    says whether examples must be pairs of a winner and a loser; where it is False each must have one response, or
    winners would count many times. ``needs_weight`` says whether ``signal.values`` is read of winners; where it is
    False, pairs may have none. ``needs_rollouts`` says whether advantages and behaviour log-probs are read, which
    responses have that were sampled for the step.
    """

    needs_losers: ClassVar[bool]
    needs_weight: ClassVar[bool]
    needs_rollouts: ClassVar[bool]

    @property
    def needs_reference(self) -> bool:
        """Whether ``reference`` is read."""
        ...

    @property
    def mean_over(self) -> MeanOver:
        """What the learner divides the sum of the losses by the number of."""
        ...

    def __call__(self, policy: LogProbs, reference: LogProbs | None, signal: Signal) -> LossOutput:
        """The loss of each pair, response or token."""
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


def check_pairs_do(loss: Loss) -> None:
    """Refuse a loss that learns from rollouts where there are preference pairs.

    Raises:
        ValueError: it reads advantages and behaviour log-probs, which pairs have not.
    """
    if loss.needs_rollouts:
        raise ValueError(
            f"loss: {type(loss).__name__} learns from responses sampled for each step, and this pipeline makes "
            "preference pairs; choose loss=con_dpo, loss=dpo or loss=sft, or pipeline=reinforcement"
        )
