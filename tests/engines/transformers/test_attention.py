"""Attention against softmax in float64, and the same bits in any company."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel, Qwen2Config

from conself.engines.decoding import Decoding
from conself.engines.transformers import attention
from conself.engines.transformers.attention import BLOCK, grouped_sdpa, visible
from conself.engines.transformers.ledger import Completion, Request
from tests.engines.tiny_models import SHAPE, build, generate

HEADS, KV_HEADS, SIZE = 6, 2, 8
DRAWN = Decoding(temperature=1.0, top_p=1.0, max_new_tokens=24, entropy_top_k=15)
LENGTHS = (1, 40, 118, 125, 130, 200, 260, 390, 530, 7)


def states(heads: int, rows: int, length: int, seed: int) -> Tensor:
    return 2 * torch.randn(rows, heads, length, SIZE, generator=torch.Generator().manual_seed(seed))


def by_definition(query: Tensor, key: Tensor, value: Tensor, positions: Tensor) -> NDArray[np.float64]:
    """[N, T, H, D]: token t of row n sees slots 0 .. positions[n, t] of the KV head of its head."""
    q, k, v = (each.double().numpy() for each in (query, key, value))
    out = np.zeros((q.shape[0], q.shape[2], q.shape[1], q.shape[3]))
    for n, t, h in np.ndindex(out.shape[:3]):
        seen, of = int(positions[n, t]) + 1, h // (q.shape[1] // k.shape[1])
        weights = np.exp(k[n, of, :seen] @ q[n, h, t] / np.sqrt(q.shape[3]))
        out[n, t, h] = weights @ v[n, of, :seen] / weights.sum()
    return out


@pytest.mark.parametrize("span", [16, BLOCK, BLOCK + 16, 3 * BLOCK, 400])
def test_a_token_attends_to_what_it_sees_in_any_number_of_blocks(span: int) -> None:
    positions = torch.tensor([0, 5, 15, span // 2, span - 16, span - 1])[:, None]
    query, key, value = states(HEADS, 6, 1, 1), states(KV_HEADS, 6, span, 2), states(KV_HEADS, 6, span, 3)
    got, _ = grouped_sdpa(torch.nn.Module(), query, key, value, visible(positions, span, torch.float32))
    np.testing.assert_allclose(got, by_definition(query, key, value, positions), atol=1e-5)


@pytest.mark.parametrize("length", [16, BLOCK, BLOCK + 16, 272])
def test_a_prompt_attends_to_its_past_whether_its_beginning_is_read_apart_or_not(length: int) -> None:
    query, key, value = states(HEADS, 2, length, 1), states(KV_HEADS, 2, length, 2), states(KV_HEADS, 2, length, 3)
    positions = torch.arange(length).expand(2, -1)
    whole, _ = grouped_sdpa(torch.nn.Module(), query, key, value, None)
    np.testing.assert_allclose(whole, by_definition(query, key, value, positions), atol=1e-5)
    mask = visible(positions[:, 16:], length, torch.float32)
    if length > 16:
        tail, _ = grouped_sdpa(torch.nn.Module(), query[:, :, 16:], key, value, mask)
        np.testing.assert_allclose(tail, whole[:, 16:], atol=1e-5)


def test_scores_far_apart_neither_overflow_nor_vanish() -> None:
    """Of the first block all slots, then one of the second, have nearly all weight: exp(200) and exp(-200) apart."""
    query = torch.full((2, 1, 1, SIZE), 10.0)
    value = states(1, 2, 2 * BLOCK, 3)
    key = torch.zeros(2, 1, 2 * BLOCK, SIZE)
    key[0, :, BLOCK:] = -10.0
    key[1, :, BLOCK + 3] = 10.0
    positions = torch.full((2, 1), 2 * BLOCK - 1)
    got, _ = grouped_sdpa(torch.nn.Module(), query, key, value, visible(positions, 2 * BLOCK, torch.float32))
    np.testing.assert_allclose(got[0, 0, 0], value[0, 0, :BLOCK].mean(0), atol=1e-5)
    np.testing.assert_allclose(got[1, 0, 0], value[1, 0, BLOCK + 3], atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_slots_that_only_others_have_change_no_bit(dtype: torch.dtype) -> None:
    positions = torch.tensor([3, 100, 127])[:, None]
    query, key, value = (states(heads, 3, 400, heads).to(dtype) for heads in (HEADS, KV_HEADS, KV_HEADS))
    alone, among = (
        grouped_sdpa(
            torch.nn.Module(), query[:, :, :1], key[:, :, :span], value[:, :, :span], visible(positions, span, dtype)
        )[0]
        for span in (BLOCK, 400)
    )
    assert alone.dtype == dtype
    assert torch.equal(alone, among)


def long_model(dtype: torch.dtype, kv_heads: int = 1) -> PreTrainedModel:
    shape = {"hidden_size": 256, "num_attention_heads": 4, "num_key_value_heads": kv_heads, "initializer_range": 0.1}
    return build(Qwen2Config(**{**SHAPE, **shape, "max_position_embeddings": 1024})).to(dtype)


def long_requests(shared: int = 0) -> list[Request]:
    """Prompts of 1 to 530 tokens that begin alike."""
    rng = np.random.default_rng(0)
    common = tuple(int(t) for t in rng.integers(10, 260, 100))
    rest = (tuple(int(t) for t in rng.integers(10, 260, length)) for length in LENGTHS)
    return [
        Request((common + more) if length >= 100 else more, (i, i + 100), shared if length >= 100 else 0)
        for i, (length, more) in enumerate(zip(LENGTHS, rest, strict=True))
    ]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def bits(groups: list[list[Completion]]) -> list[tuple[bytes, bytes]]:
    return [(c.token_ids.tobytes(), c.token_logprobs.tobytes()) for group in groups for c in group]


def check_bits(dtype: torch.dtype, kv_heads: int) -> None:
    model, wanted = long_model(dtype, kv_heads), long_requests()
    together = bits(generate(model, wanted, DRAWN, (0,), 32))
    assert bits([generate(model, [request], DRAWN, (0,), 2)[0] for request in wanted]) == together
    assert bits(generate(model, wanted[::-1], DRAWN, (0,), 5)[::-1]) == together
    assert bits(generate(model, long_requests(shared=96), DRAWN, (0,), 32)) == together


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("kv_heads", [1, 4])  # of four heads: a group of four queries, and of one
def test_a_token_has_the_same_bits_beside_rows_of_any_length(kv_heads: int) -> None:
    check_bits(torch.float32, kv_heads)


@pytest.mark.slow  # it is about the processor: what holds with one is seen again with others
@pytest.mark.skipif(not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="the processor has no 16-bit units")
@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("kv_heads", [1, 4])
def test_in_16_bits_too(kv_heads: int) -> None:
    check_bits(torch.bfloat16, kv_heads)


@pytest.mark.slow  # as above
def test_without_blocks_long_rows_do_change_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check above can fail: by a kernel that sums all slots at once."""
    monkeypatch.setattr(attention, "BLOCK", 4096)
    model, wanted = long_model(torch.float32), long_requests()
    together = bits(generate(model, wanted, DRAWN, (0,), 32))
    assert bits([generate(model, [request], DRAWN, (0,), 2)[0] for request in wanted]) != together
