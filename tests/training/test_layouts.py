"""A layout changes time and memory, never a number."""

import pytest
import torch
from torch import Tensor
from training_world import SHAPE, build, naive, tiny_qwen, token_pairs
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from conself.models import with_lora
from conself.training.data import Response, TokenPair
from conself.training.layouts import MicroBatch, PairsLayout, require_plain_head

MODELS = {
    "qwen2 tied": lambda: build(Qwen2ForCausalLM, Qwen2Config(**SHAPE, tie_word_embeddings=True)),
    "qwen2 eager": lambda: build(Qwen2ForCausalLM, Qwen2Config(**SHAPE, attn_implementation="eager")),
    "llama untied": lambda: build(LlamaForCausalLM, LlamaConfig(**SHAPE, tie_word_embeddings=False)),
}


def scored(model: PreTrainedModel, layout: PairsLayout, batches: list[MicroBatch]) -> dict[Response, Tensor]:
    return {
        response: value
        for batch in batches
        for response, value in zip(batch.responses, layout.log_probs(model, batch), strict=True)
    }


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("budget", [32, 80, 10_000])
def test_log_probs_equal_the_naive_computation_for_any_budget(name: str, budget: int) -> None:
    model, pairs, layout = MODELS[name](), token_pairs([1, 2, 3, 3, 1]), PairsLayout(budget)
    batches = layout.micro_batches(pairs)
    values = scored(model, layout, batches)
    assert (len(batches) == 1) == (budget == 10_000)
    assert values.keys() == {response for pair in pairs for response in pair.responses}
    for response, value in values.items():
        assert value.item() == pytest.approx(naive(model, response).item(), abs=1e-5)


@pytest.mark.parametrize("budget", [32, 10_000])
def test_gradients_equal_the_naive_computation(budget: int) -> None:
    pairs, layout = token_pairs([2, 3, 1]), PairsLayout(budget)
    gradients = []
    for by_layout in (True, False):
        policy = with_lora(tiny_qwen(), rank=4, alpha=8, target="all-linear", seed=0).get_base_model()
        with torch.no_grad():
            for name, parameter in policy.named_parameters():
                if "lora_B" in name:
                    parameter.fill_(0.05)
        if by_layout:
            for batch in layout.micro_batches(pairs):
                rows = layout.log_probs(policy, batch)
                assert batch.rejected is not None
                (rows[batch.chosen] - rows[batch.rejected]).sin().sum().backward()
        else:
            for pair in pairs:
                assert pair.rejected is not None
                (naive(policy, pair.chosen) - naive(policy, pair.rejected)).sin().backward()
        gradients.append([p.grad for p in policy.parameters() if p.requires_grad])
    assert len(gradients[0]) == 2 * 7 * 2
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.linalg.vector_norm(ours - theirs) <= 1e-4 * torch.linalg.vector_norm(theirs)


def test_a_shared_winner_is_computed_once() -> None:
    pairs = token_pairs([3, 2])
    (batch,) = PairsLayout(10_000).micro_batches(pairs)
    assert len(batch.responses) == 4 + 3
    for i, pair in enumerate(batch.pairs):
        assert batch.rejected is not None
        assert batch.responses[batch.chosen[i]] == pair.chosen
        assert batch.responses[batch.rejected[i]] == pair.rejected


@pytest.mark.parametrize("budget", [32, 50, 100, 10_000])
def test_micro_batches_hold_every_pair_once_within_the_budget(budget: int) -> None:
    pairs = token_pairs([3, 1, 2, 3, 3, 1], seed=1)
    batches = PairsLayout(budget).micro_batches(pairs)
    assert sorted(pair.name for batch in batches for pair in batch.pairs) == sorted(pair.name for pair in pairs)
    assert all(batch.inputs["input_ids"].numel() <= budget for batch in batches)
    assert PairsLayout(budget).micro_batches([]) == []


def test_a_pair_that_cannot_fit_is_refused_with_the_remedy() -> None:
    prompt = (3, 4, 5)
    pair = TokenPair("huge", "huge/0/1", Response(prompt, (6, 7, 1)), Response(prompt, (8, 1)), 1.0)
    assert len(PairsLayout(12).micro_batches([pair])) == 1
    with pytest.raises(ValueError, match="problem 'huge' takes 12 tokens, above token_budget 11; raise training"):
        PairsLayout(11).micro_batches([pair])


def test_pairs_without_losers_are_laid_out_alone() -> None:
    pairs = [TokenPair(f"p{i}", f"p{i}", Response((3,), (4 + i, 1)), None, 1.0) for i in range(3)]
    (batch,) = PairsLayout(100).micro_batches(pairs)
    assert batch.rejected is None
    assert len(batch.responses) == 3
    assert batch.n_tokens == 6


def test_only_response_positions_reach_the_head() -> None:
    model, seen = tiny_qwen(), []
    model.get_output_embeddings().register_forward_hook(lambda *call: seen.append(tuple(call[-1].shape)))
    layout, pairs = PairsLayout(10_000), token_pairs([2, 3])
    (batch,) = layout.micro_batches(pairs)
    layout.log_probs(model, batch)
    assert seen == [(sum(len(response.tokens) for response in batch.responses), SHAPE["vocab_size"])]


def test_a_model_that_changes_its_logits_is_refused() -> None:
    require_plain_head(tiny_qwen(), Response((3, 4, 5), (1,)))
    capped = build(Gemma2ForCausalLM, Gemma2Config(**SHAPE, head_dim=8, final_logit_softcapping=0.1))
    with pytest.raises(ValueError, match="Gemma2ForCausalLM changes its logits"):
        require_plain_head(capped, Response((3, 4, 5), (1,)))


def test_bfloat16_weights_with_float32_adapters_give_float32_sums() -> None:
    policy = with_lora(tiny_qwen().bfloat16(), rank=4, alpha=8, target="all-linear", seed=0).get_base_model()
    layout, pairs = PairsLayout(10_000), token_pairs([2])
    (batch,) = layout.micro_batches(pairs)
    values = layout.log_probs(policy, batch)
    assert values.dtype == torch.float32
    exact = torch.stack([naive(tiny_qwen(), response) for response in batch.responses])
    assert torch.allclose(values, exact, rtol=0.05)
