"""Attention part by part is attention under a mask; what is computed twice is computed alike."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from conself.training.layouts.shared import SharedLayout
from conself.training.micro_batches import Branches
from conself.training.policy.recompute import checkpoint_layers
from conself.training.scorer.branch_attention import BY_BRANCH, spans
from conself.training.scorer.log_probs import response_log_probs
from tests.training.training_world import SHAPE, build, lora_policy, token_pairs

WIDE = {**SHAPE, "hidden_size": 144, "intermediate_size": 160, "num_attention_heads": 2, "num_key_value_heads": 1}


def test_spans_of_a_row_by_hand() -> None:
    """A prompt of 2 with responses of 1 and 2 tokens, a prompt of 1 without any, and a place left empty."""
    rows = Branches(torch.tensor([[0, 0, 0, 0, 0, 1, -1]]), torch.tensor([[0, 0, 1, 2, 2, 0, 0]]))
    first, second = spans(rows, torch.float32)
    assert (first.row, first.lengths) == (0, (2, 1, 2))
    assert (second.row, second.lengths, second.masks) == (0, (1,), ())
    never = -torch.inf
    assert first.masks[0].tolist() == [[0, 0, 0]]
    assert first.masks[1].tolist() == [[0, 0, 0, never], [0, 0, 0, 0]]


def gradients(attention: str, change: Callable[[PreTrainedModel], None] | None) -> tuple[Tensor, list[Tensor]]:
    policy = lora_policy(build(Qwen2ForCausalLM, Qwen2Config(**WIDE)), lora_b=0.05)
    pairs, layout = token_pairs([3, 1, 2], seed=3), SharedLayout(10_000, None)
    layout.prepare(policy.model, pairs)
    assert policy.model.config._attn_implementation == BY_BRANCH
    policy.model.set_attn_implementation(attention)
    if change is not None:
        change(policy.model)
    values = response_log_probs(policy.model, layout.lay(pairs), policy.dtype)
    values.sin().sum().backward()
    return values.detach(), [p.grad for p in policy.model.parameters() if p.grad is not None]


@pytest.mark.parametrize("change", [None, partial(checkpoint_layers, share=1.0)], ids=["as is", "layers twice"])
def test_values_and_gradients_are_those_of_a_dense_mask(change: Callable[[PreTrainedModel], None] | None) -> None:
    values, dense = gradients("sdpa", None)
    found, ours = gradients(BY_BRANCH, change)
    assert torch.allclose(found, values, rtol=1e-6)
    assert len(ours) == len(dense) == 2 * 7 * 2
    for mine, its in zip(ours, dense, strict=True):
        assert torch.linalg.vector_norm(mine - its) <= 1e-4 * torch.linalg.vector_norm(its)
