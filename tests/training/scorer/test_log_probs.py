"""The chunked head against the textbook: log softmax of all logits, then a gather."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import Qwen2Config, Qwen2ForCausalLM

from conself.models.transformers import with_lora
from conself.training.layouts.padded import DistinctLayout
from conself.training.layouts.shared import SharedLayout
from conself.training.scorer import log_probs
from conself.training.scorer.log_probs import head_log_probs, response_log_probs, token_log_probs
from tests.training.training_world import SHAPE, build, lora_policy, naive, scored, tiny_qwen, token_pairs

ROWS, WIDTH, WORDS = 23, 16, 1000


def problem(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden states, targets, and what the loss makes of each token."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(ROWS, WIDTH, generator=generator).to(dtype).requires_grad_()
    targets = torch.randint(WORDS, (ROWS,), generator=generator)
    return hidden, targets, torch.randn(ROWS, generator=generator)


def linear(bias: bool, trained: bool, dtype: torch.dtype = torch.float32) -> nn.Linear:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Linear(WIDTH, WORDS, bias=bias).to(dtype).requires_grad_(trained)


def textbook(head: nn.Linear, hidden: Tensor, targets: Tensor) -> Tensor:
    bias = None if head.bias is None else head.bias.double()
    logits = nn.functional.linear(hidden.double(), head.weight.double(), bias)
    return logits.log_softmax(-1).gather(1, targets[:, None]).squeeze(1)


def chunks(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(log_probs, "_rows_per_chunk", lambda *_: rows)


@pytest.mark.parametrize("rows", [1, 7, 22, 23, 24, 1000])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("trained", [False, True])
def test_values_and_gradients_equal_the_textbook(
    bias: bool, trained: bool, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float64 there; chunks that divide the 23 rows and chunks that don't."""
    chunks(monkeypatch, rows)
    results = []
    for compute in (head_log_probs, textbook):
        head, (hidden, targets, slopes) = linear(bias, trained), problem()
        values = compute(head, hidden, targets)
        assert values.shape == (ROWS,)
        (values * slopes).sum().backward()
        results.append([values.detach(), hidden.grad, *(p.grad for p in head.parameters() if trained)])
    for ours, theirs in zip(*results, strict=True):
        assert ours is not None
        assert theirs is not None
        assert ours.dtype == torch.float32
        assert torch.allclose(ours.double(), theirs.double(), rtol=1e-5, atol=1e-5)


def test_a_token_that_counts_twice_and_one_that_does_not() -> None:
    head, (hidden, targets, _) = linear(bias=False, trained=False), problem()
    values = head_log_probs(head, hidden, targets)
    (3 * values[2] + 2 * values[2]).backward()
    again, _, _ = problem()
    textbook(head, again, targets)[2].mul(5).backward()
    assert hidden.grad is not None
    assert again.grad is not None
    assert torch.allclose(hidden.grad, again.grad, atol=1e-5)
    assert hidden.grad[3].abs().sum() == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bit_heads_give_float32_values_and_16_bit_gradients(dtype: torch.dtype) -> None:
    head, (hidden, targets, slopes) = linear(False, False, dtype), problem(dtype)
    values = head_log_probs(head, hidden, targets)
    (values * slopes).sum().backward()
    again, _, _ = problem(dtype)
    exact = textbook(head, again, targets)
    (exact * slopes).sum().backward()
    assert (values.dtype, hidden.grad.dtype) == (torch.float32, dtype)  # type: ignore[union-attr]
    assert torch.allclose(values.double(), exact, atol=0.02)
    assert hidden.grad is not None
    assert again.grad is not None
    assert torch.linalg.vector_norm(hidden.grad - again.grad) <= 0.02 * torch.linalg.vector_norm(again.grad)


def test_float16_bears_the_sum_over_a_large_vocabulary() -> None:
    """All words alike: exp(logit - top) sums up to 152,064, beyond float16's 65,504. d log p / dh is W[7] - mean W."""
    words = 152_064
    head = nn.Linear(4, words, bias=False).half().requires_grad_(False)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[0.5], [-0.5]]).repeat(words // 2, 4))
    hidden = torch.zeros(1, 4, dtype=torch.float16, requires_grad=True)
    values = head_log_probs(head, hidden, torch.tensor([7]))
    values.sum().backward()
    assert values.item() == pytest.approx(-math.log(words), rel=1e-6)
    assert hidden.grad is not None
    assert hidden.grad.tolist() == [[-0.5] * 4]


def test_extreme_logits_stay_finite() -> None:
    head = nn.Linear(1, 3, bias=False).requires_grad_(False)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0], [-1.0], [0.0]]))
    hidden = torch.tensor([[1e4], [-1e4]], requires_grad=True)
    values = head_log_probs(head, hidden, torch.tensor([0, 0]))
    values.sum().backward()
    assert values.tolist() == [0.0, -2e4]
    assert hidden.grad is not None
    assert hidden.grad.flatten().tolist() == [0.0, 2.0]


def test_a_head_with_an_adapter_learns_as_the_textbook_says() -> None:
    gradients = []
    for ours in (True, False):
        model = build(Qwen2ForCausalLM, Qwen2Config(**SHAPE, tie_word_embeddings=False))
        with_lora(model, LoraConfig(r=2, target_modules=["lm_head"], task_type="CAUSAL_LM"), 0)
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        with torch.no_grad():
            trained["lm_head.lora_B.default.weight"].normal_(generator=torch.Generator().manual_seed(0))
        pairs = token_pairs([2])
        if ours:
            torch.stack(list(scored(model, DistinctLayout(1000), pairs).values())).sum().backward()
        else:
            torch.stack([naive(model, r) for r in {r: 0 for p in pairs for r in p.responses}]).sum().backward()
        gradients.append({name: p.grad for name, p in trained.items()})
    assert len(gradients[0]) == 2
    for name, gradient in gradients[1].items():
        assert gradient is not None
        assert torch.linalg.vector_norm(gradients[0][name] - gradient) <= 1e-4 * torch.linalg.vector_norm(gradient)


@pytest.mark.parametrize("tied", [True, False])
def test_all_weights_learn_as_the_textbook_says(tied: bool) -> None:
    """A tied head gets its gradient from both ends."""
    gradients = []
    for ours in (True, False):
        model = build(Qwen2ForCausalLM, Qwen2Config(**SHAPE, tie_word_embeddings=tied))
        pairs = token_pairs([2, 1])
        responses = list({r: 0 for p in pairs for r in p.responses})
        values = scored(model, SharedLayout(1000, None), pairs) if ours else {r: naive(model, r) for r in responses}
        torch.stack([values[r].double() * i for i, r in enumerate(responses)]).sum().backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    for name, gradient in gradients[1].items():
        assert gradient is not None
        distance = torch.linalg.vector_norm(gradients[0][name] - gradient)
        assert distance <= 1e-4 * torch.linalg.vector_norm(gradient) + 1e-4, name


class Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation makes, in elements."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        self.elements = max(self.elements, *sizes, 0)
        return out


def one_loss(head: nn.Linear) -> Callable[[], None]:
    hidden = torch.randn(300, 8, requires_grad=True)
    targets = torch.randint(head.out_features, (300,))
    return lambda: head_log_probs(head, hidden, targets).sum().backward()


@pytest.mark.parametrize(("bias", "trained"), [(False, False), (True, False), (False, True)])
def test_no_logits_for_all_positions_at_once(bias: bool, trained: bool) -> None:
    """Forward and backward: 300 positions of 152,064 words would be 46 M logits; 64 MB hold 16.8 M."""
    head = nn.Linear(8, 152_064, bias=bias).requires_grad_(trained)
    step = one_loss(head)
    with Largest() as largest:
        step()
    assert 2**23 < largest.elements <= 2**24


def test_nothing_of_the_vocabulary_is_kept_for_the_way_back() -> None:
    """A frozen head keeps one slope per position; one that is asked again keeps its inputs and weights."""
    for bias in (False, True):
        head, kept = linear(bias, trained=False), []
        hidden, targets, _ = problem()

        def keep(tensor: Tensor, kept: list[int] = kept) -> Tensor:
            kept.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            head_log_probs(head, hidden, targets)
        assert max(kept, default=0) <= ROWS * WIDTH


def test_sums_are_float64_and_of_the_right_tokens() -> None:
    """1,000 float32 log-probs around -7 sum up to about -7,000, where float32 steps by 5e-4."""
    model = tiny_qwen()
    batch = SharedLayout(10_000, None).lay(token_pairs([3, 2]))
    tokens = token_log_probs(model, batch, torch.float32)
    sums = response_log_probs(model, batch, torch.float32)
    assert (tokens.dtype, sums.dtype) == (torch.float32, torch.float64)
    assert tokens.shape == batch.targets.shape
    place = 0
    for response, value in zip(batch.responses, sums.tolist(), strict=True):
        n = len(response.tokens)
        assert value == sum(tokens[place : place + n].tolist())
        place += n


@pytest.mark.parametrize("weights", [torch.float32, torch.bfloat16])
def test_bfloat16_under_autocast(weights: torch.dtype) -> None:
    """float32 adapters on a bfloat16 base, and float32 weights computed in bfloat16."""
    policy = lora_policy(tiny_qwen().to(weights), lora_b=0.01)
    pairs = token_pairs([2, 3])
    for layout in (SharedLayout(10_000, None), DistinctLayout(10_000)):
        batch = layout.lay(pairs)
        values = response_log_probs(policy.model, batch, torch.bfloat16)
        values.sum().backward()
        assert values.dtype == torch.float64
        exact = lora_policy(tiny_qwen(), lora_b=0.01).model
        for response, value in zip(batch.responses, values.tolist(), strict=True):
            assert value == pytest.approx(naive(exact, response).item(), abs=0.1 * len(response.tokens))
    trained = [p for p in policy.model.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in trained)
