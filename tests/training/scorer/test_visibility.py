"""Who sees whom: the dense mask, FlexAttention's, and which of them is used."""

import pytest
import torch
from torch.nn.attention.flex_attention import create_mask
from transformers import (
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
)

from conself.training.layouts.shared import SharedLayout
from conself.training.micro_batches import Branches
from conself.training.scorer.branch_attention import BY_BRANCH
from conself.training.scorer.visibility import FLEX, attention_mask, sees, use_attention
from tests.training.training_world import SHAPE, build, scored, tiny_qwen, token_pairs

HAND = Branches(  # prompt of two tokens, two responses; another problem behind them; one token of padding
    prompt=torch.tensor([[0, 0, 0, 0, 1, 1, -1]]), response=torch.tensor([[0, 0, 1, 2, 0, 1, 0]])
)
SEEN = [
    [1, 0, 0, 0, 0, 0, 0],
    [1, 1, 0, 0, 0, 0, 0],
    [1, 1, 1, 0, 0, 0, 0],
    [1, 1, 0, 1, 0, 0, 0],
    [0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 1, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
]


def laid(shape: list[int], seed: int) -> Branches:
    branches = SharedLayout(100_000, None).lay(token_pairs(shape, seed)).branches
    assert branches is not None
    return branches


def test_by_hand() -> None:
    mask = attention_mask(tiny_qwen(), HAND, torch.float32)
    assert (mask.shape, mask.dtype) == ((1, 1, 7, 7), torch.float32)
    assert (mask[0, 0] == 0).int().tolist() == SEEN
    assert set(mask.unique().tolist()) == {0.0, -torch.inf}
    assert attention_mask(tiny_qwen(), HAND, torch.bfloat16).dtype == torch.bfloat16


@pytest.mark.parametrize("seed", range(3))
def test_flex_attention_sees_what_the_dense_mask_shows(seed: int) -> None:
    """Index pair by index pair, and as the block mask keeps it."""
    branches = laid([3, 1, 2, 3, 1, 1], seed)
    rows, width = branches.prompt.shape
    dense = attention_mask(tiny_qwen(), branches, torch.float32) == 0
    assert torch.equal(create_mask(sees(branches), rows, 1, width, width, device="cpu"), dense)
    model = tiny_qwen()
    model.set_attn_implementation(FLEX)
    blocks = attention_mask(model, branches, torch.float32)
    assert blocks.shape == (rows, 1, width, width)
    line = torch.arange(width)
    for row in range(rows):
        seen = blocks.mask_mod(torch.tensor(row), torch.tensor(0), line[:, None], line[None, :])
        assert torch.equal(seen, dense[row, 0])
    assert dense.diagonal(dim1=-2, dim2=-1).all(), "padding sees itself: a row that sees nothing gives nan"


def test_long_rows_leave_out_whole_blocks() -> None:
    """Two branches of 256 tokens behind a prompt of 128: the second does not look at the first's 2 x 2 blocks."""
    model = tiny_qwen()
    model.set_attn_implementation(FLEX)
    branches = Branches(torch.zeros(1, 640, dtype=torch.int64), torch.tensor([[0] * 128 + [1] * 256 + [2] * 256]))
    blocks = attention_mask(model, branches, torch.float32).to_dense()[0, 0]
    assert blocks.tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 0, 0, 1, 0],
        [1, 0, 0, 1, 1],
    ]


@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_flex_attention_gives_the_same_log_probs() -> None:
    """Forward alone: torch has no backward for it on a CPU. Not compiled, which takes a minute and changes nothing."""
    model, layout, pairs = tiny_qwen(), SharedLayout(10_000, None), token_pairs([3, 2, 1])
    with torch.no_grad(), torch.compiler.set_stance("force_eager"):
        dense = scored(model, layout, pairs)
        model.set_attn_implementation(FLEX)
        flex = scored(model, layout, pairs)
    for response, value in dense.items():
        assert flex[response].item() == pytest.approx(value.item(), abs=1e-4)


class OnGpu(Qwen2ForCausalLM):
    """What the rule looks at, without a GPU."""

    device = torch.device("cuda")


@pytest.mark.parametrize(
    ("kind", "longest", "above", "used"),
    [
        (Qwen2ForCausalLM, 5000, 2048, BY_BRANCH),
        (OnGpu, 5000, 2048, FLEX),
        (OnGpu, 2048, 2048, "sdpa"),
        (OnGpu, 5000, None, "sdpa"),
    ],
)
def test_flex_attention_is_for_long_rows_on_a_gpu(
    kind: type[PreTrainedModel], longest: int, above: int | None, used: str
) -> None:
    model = build(kind, Qwen2Config(**SHAPE))
    use_attention(model, longest, above)
    assert model.config._attn_implementation == used


def test_a_model_without_flex_attention_says_what_to_set() -> None:
    class Without(OnGpu):
        _supports_flex_attn = False

    with pytest.raises(ValueError, match=r"flex_above=null, or training/layout=distinct"):
        use_attention(build(Without, Qwen2Config(**SHAPE)), 5000, 2048)


def test_attention_that_takes_no_mask_is_refused() -> None:
    model = tiny_qwen()
    model.config._attn_implementation_internal = "flash_attention_2"
    with pytest.raises(
        ValueError, match=r"model.attention to be one of sdpa, eager, .*got 'flash_attention_2'; set training/layout=d"
    ):
        use_attention(model, 10, None)


@pytest.mark.parametrize(("window", "fine"), [(10, True), (9, False), (None, True)])
def test_a_window_shorter_than_the_rows_is_refused(window: int | None, fine: bool) -> None:
    model = build(MistralForCausalLM, MistralConfig(**SHAPE, sliding_window=window))
    if fine:
        use_attention(model, 10, None)
    else:
        with pytest.raises(ValueError, match="a window of 9 tokens over rows of 10; set training/layout=distinct"):
            use_attention(model, 10, None)


def test_a_window_that_is_turned_off_does_not_matter() -> None:
    config = Qwen2MoeConfig(**SHAPE, num_experts=2, moe_intermediate_size=8, shared_expert_intermediate_size=8)
    assert config.sliding_window == 0
    use_attention(build(Qwen2MoeForCausalLM, config), 10, None)


def test_the_longest_row_is_bounded_by_problem_and_budget() -> None:
    """Where fewer tokens may go at once than the longest problem takes, no row is longer than they."""
    pairs = token_pairs([3], seed=4)
    width = SharedLayout(1000, None).lay(pairs).inputs["input_ids"].shape[1]
    for budget, rows in ((1000, width), (width - 1, width - 1)):
        model = build(MistralForCausalLM, MistralConfig(**SHAPE, sliding_window=rows))
        SharedLayout(budget, None).prepare(model, pairs)
        model.config.sliding_window = rows - 1
        with pytest.raises(ValueError, match=f"over rows of {rows};"):
            SharedLayout(budget, None).prepare(model, pairs)
