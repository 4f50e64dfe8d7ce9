"""What cannot be trained is said before the first step, with the remedy."""

from contextlib import nullcontext

import pytest
import torch
import transformers
from transformers import PreTrainedModel

from conself.training.data import Example, Response, pair_example
from conself.training.layouts.padded import Layout
from conself.training.policy.tuning import Policy
from conself.training.suitability import check_policy, tolerance
from tests.training.training_world import (
    SHAPE,
    build,
    layouts,
    lora_policy,
    runtime,
    settings,
    tiny_qwen,
    token_pairs,
    winner_of,
)

HALF_LIKE = {"vocab_size": 64, "initializer_range": 0.2}
ALIBI = {
    "bloom": ("BloomForCausalLM", "BloomConfig", {**HALF_LIKE, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "mpt": ("MptForCausalLM", "MptConfig", {**HALF_LIKE, "d_model": 32, "n_layers": 2, "n_heads": 4}),
    "falcon": ("FalconForCausalLM", "FalconConfig", {**HALF_LIKE, "hidden_size": 32, "num_hidden_layers": 2,
                                                     "num_attention_heads": 4, "alibi": True}),
    "mamba": ("MambaForCausalLM", "MambaConfig", {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2,
                                                  "state_size": 4}),
}  # fmt: skip
CHANGED_LOGITS = {
    "gemma2": ("Gemma2ForCausalLM", "Gemma2Config", {**SHAPE, "head_dim": 8}),
    "gemma2 eager": ("Gemma2ForCausalLM", "Gemma2Config", {**SHAPE, "head_dim": 8, "attn_implementation": "eager"}),
    "cohere": ("CohereForCausalLM", "CohereConfig", SHAPE),
    "granite": ("GraniteForCausalLM", "GraniteConfig", {**SHAPE, "logits_scaling": 4.0}),
}


def model_of(cls: str, config: str, shape: dict[str, object]) -> PreTrainedModel:
    return build(getattr(transformers, cls), getattr(transformers, config)(**shape))


def check(model: PreTrainedModel, layout: Layout, pairs: list[Example]) -> None:
    def unsaved(*_: object) -> None:
        raise AssertionError("nothing is saved here")

    policy = Policy(model, torch.float32, lambda: nullcontext(), True, unsaved)
    check_policy(policy, settings(layout), pairs)


@pytest.mark.parametrize("layout", layouts(0))
def test_a_plain_decoder_is_fine(layout: str) -> None:
    check(tiny_qwen(), layouts(100)[layout], token_pairs([2, 3, 1]))
    alone = [winner_of(pair) for pair in token_pairs([1, 1])]
    check(tiny_qwen(), layouts(100)[layout], alone)


@pytest.mark.parametrize("kind", ALIBI)
@pytest.mark.parametrize("losers", [True, False])
def test_models_without_use_for_our_mask_need_plain_rows(kind: str, losers: bool) -> None:
    """Distances from the column, or a state that runs on: refused alike where each prompt has one response (SFT)."""
    model, pairs = model_of(*ALIBI[kind]), token_pairs([2, 1, 3])
    if not losers:
        pairs = [winner_of(pair) for pair in pairs]
    with pytest.raises(ValueError, match=r"does not compute SharedLayout: .+; set training/layout=distinct"):
        check(model, layouts(100)["shared"], pairs)
    check(model, layouts(100)["distinct"], pairs)
    check(model, layouts(100)["pairs"], pairs)


@pytest.mark.parametrize("layout", layouts(0))
@pytest.mark.parametrize("kind", CHANGED_LOGITS)
def test_models_that_change_their_logits_are_refused(kind: str, layout: str) -> None:
    """Ours come from decoder and head alone."""
    with pytest.raises(
        ValueError, match=r"by itself it gives a response .* nats, laid out .*; such models cannot be tr"
    ):
        check(model_of(*CHANGED_LOGITS[kind]), layouts(100)[layout], token_pairs([2, 1, 3]))


def test_windows_are_refused_where_rows_are_longer() -> None:
    shape = {**SHAPE, "sliding_window": 12}
    model, pairs = model_of("MistralForCausalLM", "MistralConfig", shape), token_pairs([3, 3, 3])
    with pytest.raises(ValueError, match=r"a window of 12 tokens over rows of \d+; set training/layout=distinct"):
        check(model, layouts(100)["shared"], pairs)
    check(model, layouts(100)["distinct"], pairs)


def test_responses_beyond_the_positions_are_refused() -> None:
    """The last token is only predicted: 8 positions do for 9 tokens."""
    model = model_of("LlamaForCausalLM", "LlamaConfig", {**SHAPE, "max_position_embeddings": 8})

    def pair(n: int) -> Example:
        return pair_example("p", "p/0/1", Response((3, 4), (5, 1)), Response((3, 4), (*range(6, 6 + n - 3), 1)), 1.0)

    check(model, layouts(100)["shared"], [pair(9)])
    with pytest.raises(ValueError, match=r"takes 10 tokens, beyond the 8 positions .*set training.max_length to 8"):
        check(model, layouts(100)["shared"], [pair(9), pair(10)])


@pytest.mark.parametrize("layout", layouts(0))
def test_a_pair_beyond_the_budget_is_named_before_anything_is_computed(layout: str) -> None:
    model, calls = tiny_qwen(), []
    model.register_forward_pre_hook(lambda *call: calls.append(call))
    huge = pair_example("huge", "huge/0/1", Response((3,), tuple(range(3, 60))), Response((3,), (5, 1)), 1.0)
    with pytest.raises(ValueError, match=r"a pair of problem 'huge' takes .* above token_budget 50"):
        check(model, layouts(50)[layout], [*token_pairs([2, 1]), huge])
    assert calls == []


def test_the_trial_is_short_and_without_the_adapter() -> None:
    """The shortest pair and three made of it; an adapter that is off does not matter, nor does one that is on later."""
    policy, widths = lora_policy(tiny_qwen(), lora_b=0.1), []
    policy.model.get_decoder().register_forward_pre_hook(
        lambda *call: widths.append(call[-1]["input_ids"].shape[-1]), with_kwargs=True
    )
    long = pair_example("p", "p/0/1", Response((3,), tuple(range(3, 60))), Response((3,), (5, 1)), 1.0)
    short = pair_example("q", "q/0/1", Response((3, 4), (6, 1)), Response((3, 4), (5, 1)), 1.0)
    check_policy(policy, settings(runtime=runtime(layouts(200)["shared"])), [long, short])
    assert widths, "it was tried"
    assert max(widths) <= 2 + 1 + 1 + 1, "prompt, winner, loser, and the winner's first token twice"


def test_a_model_that_gives_no_number_is_refused() -> None:
    model = tiny_qwen()
    with torch.no_grad():
        model.get_input_embeddings().weight.fill_(torch.nan)
    with pytest.raises(ValueError, match="by itself it gives a response nan nats"):
        check(model, layouts(100)["shared"], token_pairs([2]))


def test_what_rounding_may_change_by_hand() -> None:
    """.1 sqrt(2) + 15.29 / 64 = .380 nats of two unlikely tokens; in 32 bits nothing hangs on their size."""
    assert tolerance(torch.bfloat16, 2, -15.29) == pytest.approx(0.3803, abs=1e-4)
    assert tolerance(torch.float16, 4, -10.0) == pytest.approx(0.04 + 10 / 512)
    assert tolerance(torch.float32, 4, -1000.0) == pytest.approx(0.002)
    assert abs(-15.2901 - -15.1028) < tolerance(torch.bfloat16, 2, -15.2901)  # of a real model, on a CPU
