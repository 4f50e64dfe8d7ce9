"""Layers that are computed twice give what they give when they are computed once."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import FalconConfig, FalconForCausalLM, OPTConfig, OPTForCausalLM, PreTrainedConfig, PreTrainedModel

from conself.training.policy.recompute import checkpoint_layers
from tests.training.training_world import build, layouts, lora_policy, scored, token_pairs

SIZES: dict[str, Any] = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
MODELS: dict[str, tuple[type[PreTrainedModel], PreTrainedConfig]] = {
    "opt": (OPTForCausalLM, OPTConfig(**SIZES, ffn_dim=48, word_embed_proj_dim=32, init_std=0.2, dropout=0.5)),
    "falcon": (FalconForCausalLM, FalconConfig(**SIZES, initializer_range=0.2, hidden_dropout=0.5)),
}
"""Their layers drop activations themselves, not in modules of their own."""


def learned(name: str, share: float) -> list[Tensor]:
    model = build(*MODELS[name])
    policy = lora_policy(model, lora_b=0.05)
    checkpoint_layers(model, share)
    values = scored(model, layouts(512)["shared"], token_pairs([2, 1]))
    torch.stack(list(values.values())).sum().backward()
    return [*values.values(), *(p.grad for p in policy.model.parameters() if p.grad is not None)]


@pytest.mark.parametrize("name", MODELS)
def test_layers_that_drop_out_by_themselves_do_not_when_computed_again(name: str) -> None:
    once, twice = learned(name, 0.0), learned(name, 1.0)
    assert len(once) == len(twice)
    assert all(torch.equal(a, b) for a, b in zip(once, twice, strict=True))
