"""SFT by hand: the mean over each response's tokens, each response one vote."""

import math

import pytest
import torch

from conself.losses.output import LogProbs
from conself.losses.sft import SFT


def test_mean_nll_per_token_of_each_response() -> None:
    """6 nats over 3 tokens are 2 a token; 1 nat over 4 tokens is .25 a token."""
    chosen = torch.tensor([-6.0, -1.0], requires_grad=True)
    output = SFT()(LogProbs(chosen, None, torch.tensor([3, 4])), None, torch.tensor([0.1, 0.9]))
    assert output.losses.tolist() == [2.0, 0.25]
    shown = {name: values.tolist() for name, values in output.diagnostics.items()}
    assert shown == {"chosen_log_prob": [-6.0, -1.0], "perplexity": pytest.approx([math.exp(2), math.exp(0.25)])}
    assert not any(values.requires_grad for values in output.diagnostics.values())
    assert not SFT.needs_reference
    output.losses.sum().backward()
    assert chosen.grad is not None
    assert torch.allclose(chosen.grad, torch.tensor([-1 / 3, -1 / 4]))


def test_losers_and_weights_change_nothing() -> None:
    chosen, tokens = torch.tensor([-6.0]), torch.tensor([3])
    with_loser = SFT()(LogProbs(chosen, torch.tensor([-1.0]), tokens), None, torch.tensor([0.0]))
    without = SFT()(LogProbs(chosen, None, tokens), None, torch.tensor([1.0]))
    assert torch.equal(with_loser.losses, without.losses)
