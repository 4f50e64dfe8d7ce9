"""A layout changes time and memory, never a number."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
import transformers
from torch import Tensor
from transformers import PreTrainedModel

from conself.losses.con_dpo import ConDPO
from conself.losses.dpo import DPO
from conself.losses.output import LogProbs, Loss, Signal
from conself.losses.sft import SFT
from conself.training.data import Example, Response, pair_example
from conself.training.layouts.padded import Layout
from conself.training.layouts.shared import SharedLayout
from conself.training.policy.tuning import Policy
from conself.training.scorer.log_probs import head_log_probs, response_log_probs
from tests.training.training_world import (
    SHAPE,
    build,
    layouts,
    lora_policy,
    naive,
    response,
    row_of_four,
    scored,
    tiny_qwen,
    token_pairs,
    winner_of,
)

SMALL = {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "initializer_range": 0.2}
GPT = {**SMALL, "bos_token_id": 1, "eos_token_id": 1}


def make(cls: str, config: str, **changes: object) -> Callable[[], PreTrainedModel]:
    shape = GPT if "n_embd" in changes else SHAPE
    return lambda: build(getattr(transformers, cls), getattr(transformers, config)(**{**shape, **changes}))


MODELS = {
    "llama": make("LlamaForCausalLM", "LlamaConfig", tie_word_embeddings=False),
    "llama eager": make("LlamaForCausalLM", "LlamaConfig", attn_implementation="eager"),
    "qwen2 tied": tiny_qwen,
    "qwen2 untied": make("Qwen2ForCausalLM", "Qwen2Config", tie_word_embeddings=False),
    "qwen3": make("Qwen3ForCausalLM", "Qwen3Config", head_dim=8),
    "mistral": make("MistralForCausalLM", "MistralConfig"),
    "gemma": make("GemmaForCausalLM", "GemmaConfig", head_dim=8),
    "phi, a biased head": make("PhiForCausalLM", "PhiConfig"),
    "phi3": make("Phi3ForCausalLM", "Phi3Config"),
    "starcoder2": make("Starcoder2ForCausalLM", "Starcoder2Config"),
    "gpt-neox": make("GPTNeoXForCausalLM", "GPTNeoXConfig"),
    "gpt2, learned positions": make("GPT2LMHeadModel", "GPT2Config", **GPT),
    "codegen": make("CodeGenForCausalLM", "CodeGenConfig", **GPT, rotary_dim=4),
}
LOSSES = {"con_dpo": ConDPO(beta=0.5), "dpo": DPO(beta=0.5), "sft": SFT()}
BUDGETS = (48, 100, 10_000)


def loss_of(
    values: dict[Response, Tensor], pairs: Sequence[Example], loss: Loss, start: dict[Response, Tensor]
) -> Tensor:
    """By a loss that is given the sums; a token's share of them is none of its business, nor is how many there are."""
    responses = list(values)

    def of(table: dict[Response, Tensor]) -> LogProbs:
        spread = [torch.nn.functional.pad(table[r].double()[None], (0, len(r.tokens) - 1)) for r in responses]
        return LogProbs(torch.cat(spread), tuple(len(r.tokens) for r in responses))

    rows = torch.tensor([[responses.index(r) for r in pair.responses] for pair in pairs])
    signal = Signal(rows, torch.tensor([pair.signal for pair in pairs], dtype=torch.float64), None)
    return loss(of(values), of(start), signal).losses.sum()


def trained(policy: Policy) -> Policy:
    """Random second factors: at 0 they would stop the gradients of the first, and layer norms forget a constant."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in policy.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1, generator=generator)
    return policy


def gradients(policy: Policy) -> dict[str, Tensor]:
    return {name: p.grad for name, p in policy.model.named_parameters() if p.requires_grad and p.grad is not None}


def compare(make_model: Callable[[], PreTrainedModel], layout: Layout, pairs: Sequence[Example], loss: Loss) -> None:
    """Loss and every gradient, micro-batch by micro-batch, against whole sequences one by one with all their logits."""
    ours, theirs = (trained(lora_policy(make_model())) for _ in range(2))
    responses = dict.fromkeys(response for pair in pairs for response in pair.responses)
    with torch.no_grad(), theirs.reference():
        start = {response: naive(theirs.model, response) for response in responses}
    exact = loss_of({response: naive(theirs.model, response) for response in responses}, pairs, loss, start) / len(
        pairs
    )
    exact.backward()
    total = 0.0
    for piece in layout.cut(pairs):
        values = scored(ours.model, replace_cut(layout), piece)
        part = loss_of(values, piece, loss, start) / len(pairs)
        part.backward()
        total += part.item()
    assert total == pytest.approx(exact.item(), rel=1e-4)
    expected, found = gradients(theirs), gradients(ours)
    assert found.keys() == expected.keys()
    assert len(found) == sum(p.requires_grad for p in ours.model.parameters()) > 4
    for name, gradient in expected.items():
        assert torch.linalg.vector_norm(gradient) > 0, name
        assert torch.linalg.vector_norm(found[name] - gradient) <= 1e-4 * torch.linalg.vector_norm(gradient), name


def replace_cut(layout: Layout) -> Layout:
    """The layout without a budget: a piece goes through in one."""
    return replace(layout, token_budget=10**6)  # type: ignore[type-var]  # every layout is a dataclass


def winners(pairs: Sequence[Example]) -> list[Example]:
    return [winner_of(pair) for pair in {pair.responses[0]: pair for pair in pairs}.values()]


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("layout", layouts(0))
def test_loss_and_gradients_equal_the_naive_computation(layout: str, loss: str, budget: int) -> None:
    pairs = token_pairs([1, 2, 3, 3, 1], seed=3)
    compare(tiny_qwen, layouts(budget)[layout], winners(pairs) if loss == "sft" else pairs, LOSSES[loss])


@pytest.mark.parametrize("layout", layouts(0))
@pytest.mark.parametrize("model", MODELS)
def test_any_decoder_computes_them_as_it_is(model: str, layout: str) -> None:
    compare(MODELS[model], layouts(80)[layout], token_pairs([2, 3, 1], seed=1), ConDPO(beta=0.5))


ODD = {
    "winner and loser of the same text": [
        (response([3], 4, 1), response([3], 4, 1)),
        (response([3], 4, 1), response([3], 5, 1)),
    ],
    "the same pair twice": [(response([3, 4], 5, 1), response([3, 4], 6, 1))] * 2,
    "two losers of the same text": [
        (response([3], 5, 6, 1), response([3], 7, 1)),
        (response([3], 8, 1), response([3], 7, 1)),
    ],
    "responses of one token": [(response([3], 1), response([3], 2)), (response([9, 8], 1), response([9, 8], 2))],
    "a loser that begins with the winner": [(response([3], 5, 1), response([3], 5, 1, 6, 1))],
    "an outlier": [(response([3], 5, 1), response([3], *range(3, 60))), (response([4], 5, 1), response([4], 6, 1))],
}


@pytest.mark.parametrize("layout", layouts(0))
@pytest.mark.parametrize("case", ODD)
def test_odd_pairs(case: str, layout: str) -> None:
    """One prompt of two problems, too: they are told apart by their ids alone."""
    pairs = [pair_example(f"p{i}", f"p{i}/0/1", won, lost, 0.25 + 0.5 * i) for i, (won, lost) in enumerate(ODD[case])]
    if case != "winner and loser of the same text":
        compare(tiny_qwen, layouts(200)[layout], pairs, ConDPO(beta=0.5))
    values = scored(tiny_qwen(), layouts(200)[layout], pairs)
    for found, value in values.items():
        assert value.item() == pytest.approx(naive(tiny_qwen(), found).item(), abs=2e-5)
    (batch,) = layouts(10_000)[layout].cut(pairs)
    assert len(batch) == len(pairs)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_changing_one_loser_changes_no_other_branch(attention: str) -> None:
    """Not by a bit: what is not seen has a weight of exactly 0."""
    model, layout = tiny_qwen(), SharedLayout(10_000, None)
    model.set_attn_implementation(attention)
    before, after = (scored(model, layout, row_of_four(changed)) for changed in ((8, 9, 1), (40, 41, 1)))
    same = before.keys() & after.keys()
    assert len(same) == 3
    for kept in same:
        assert torch.equal(before[kept], after[kept])


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_no_gradient_flows_from_a_branch_into_another_or_into_another_problem(attention: str) -> None:
    """Into its own tokens and its prompt it does."""
    model, layout, embedded = tiny_qwen(), SharedLayout(10_000, None), []
    model.set_attn_implementation(attention)
    model.get_input_embeddings().register_forward_hook(lambda *call: embedded.append(call[-1].requires_grad_()))
    short = [pair_example(f"q{i}", "", response([i], 5, 6, 1), response([i], 7, 1), 1.0) for i in (20, 21)]
    pairs = [*row_of_four(), *short]
    batch = layout.lay(pairs)
    values = response_log_probs(model, batch, torch.float32)
    assert batch.branches is not None
    prompt, branch = batch.branches.prompt, batch.branches.response
    assert prompt.tolist() == [[0] * 11, [1] * 4 + [2] * 4 + [-1] * 3], "the short problems share a row"
    sizes = [len(tokens.tokens) for tokens in batch.responses]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    for i, value in enumerate(values):
        (gradient,) = torch.autograd.grad(value, embedded[0], retain_graph=True)
        reached = gradient.abs().sum(-1) > 0
        own = batch.scored[starts[i] : starts[i] + sizes[i]]
        number = int(prompt.flatten()[own[-1]])
        mine = int(branch.flatten()[own[-1]])
        allowed = (prompt == number) & ((branch == 0) | (branch == mine) if mine else branch == 0)
        assert torch.equal(reached, allowed)


def test_without_the_mask_transformers_would_see_packed_documents() -> None:
    """Position ids start again within a row: left alone, transformers hides the prompt from all branches but one."""
    model, layout = tiny_qwen(), SharedLayout(10_000, None)
    batch = layout.lay(row_of_four())
    assert len(batch.inputs["input_ids"]) == 1
    with torch.no_grad():
        hidden = model.get_decoder()(**batch.inputs, use_cache=False).last_hidden_state.flatten(0, 1)[batch.scored]
        wrong = head_log_probs(model.get_output_embeddings(), hidden, batch.targets)
        right = response_log_probs(model, batch, torch.float32)
    lengths = [len(found.tokens) for found in batch.responses]
    off = [abs(part.sum().item() - value) for part, value in zip(wrong.split(lengths), right.tolist(), strict=True)]
    assert max(off) > 0.1
    for found, value in zip(batch.responses, right.tolist(), strict=True):
        assert value == pytest.approx(naive(model, found).item(), abs=1e-5)


@pytest.mark.parametrize("layout", layouts(0))
def test_only_response_positions_reach_the_head(layout: str) -> None:
    model, seen = MODELS["phi, a biased head"](), []
    model.get_output_embeddings().register_forward_hook(lambda *call: seen.append(tuple(call[-1].shape)))
    batch = layouts(10_000)[layout].lay(token_pairs([2, 3]))
    response_log_probs(model, batch, torch.float32)
    assert seen == [(sum(len(found.tokens) for found in batch.responses), SHAPE["vocab_size"])]
