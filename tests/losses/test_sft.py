"""SFT by hand: the mean over each response's tokens, each response one vote."""

import math

import pytest
import torch

from conself.losses.output import LogProbs, LossOutput, Signal
from conself.losses.sft import SFT

LENGTHS = (3, 4)


def loss_of(per_token: torch.Tensor, *values: float) -> LossOutput:
    rows = torch.tensor([[0], [1]])
    return SFT()(LogProbs(per_token, LENGTHS), None, Signal(rows, torch.tensor(values)[:, None], None))


def test_mean_nll_per_token_of_each_response() -> None:
    """6 nats over 3 tokens are 2 a token; 1 nat over 4 tokens is .25 a token."""
    per_token = torch.tensor([-1.0, -2.0, -3.0, -0.25, -0.5, -0.125, -0.125], requires_grad=True)
    output = loss_of(per_token, 0.1, 0.9)
    assert output.losses.tolist() == [2.0, 0.25]
    shown = {name: values.tolist() for name, values in output.diagnostics.items()}
    assert shown == {"chosen_log_prob": [-6.0, -1.0], "perplexity": pytest.approx([math.exp(2), math.exp(0.25)])}
    assert not any(values.requires_grad for values in output.diagnostics.values())
    assert (SFT.needs_reference, SFT.mean_over) == (False, "pairs")
    output.losses.sum().backward()
    assert per_token.grad is not None
    assert torch.allclose(per_token.grad, torch.tensor([-1 / 3] * 3 + [-1 / 4] * 4))


def test_losers_and_weights_change_nothing() -> None:
    per_token = torch.tensor([-1.0, -2.0, -3.0, -1.0, 0.0, 0.0, 0.0])
    with_loser = SFT()(LogProbs(per_token, LENGTHS), None, Signal(torch.tensor([[0, 1]]), torch.zeros(1, 2), None))
    without = SFT()(LogProbs(per_token, LENGTHS), None, Signal(torch.tensor([[0]]), torch.ones(1, 1), None))
    assert torch.equal(with_loser.losses, without.losses)
