import numpy as np
import pytest
import torch
from transformers import LlamaConfig, PreTrainedModel, Qwen2Config

from conself.engines.decoding import Decoding
from conself.engines.transformers import packed
from conself.engines.transformers.ledger import Completion, Request
from tests.engines.tiny_models import SHAPE, build, generate

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")

TIED = Qwen2Config(**SHAPE, tie_word_embeddings=True)  # Qwen's layers also have biases
UNTIED = LlamaConfig(**SHAPE)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model counts as a large one."""
    monkeypatch.setattr(packed, "_CACHED", 0)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("config", [TIED, UNTIED])
def test_the_same_logits_up_to_rounding(config: Qwen2Config | LlamaConfig) -> None:
    ids = torch.arange(20, 84)[None]
    with torch.inference_mode():
        expected = build(config)(ids).logits
        model = build(config)
        assert packed.pack(model)
        torch.testing.assert_close(model(ids).logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("config", [TIED, UNTIED])
def test_the_same_draws_as_of_plain_layers_and_the_same_bits_in_any_batch(config: Qwen2Config | LlamaConfig) -> None:
    """Or on any number of threads."""
    drawn = Decoding(temperature=1.0, top_p=1.0, max_new_tokens=20, entropy_top_k=15)
    wanted = [Request(tuple(range(20 + i, 50 + i)), (i, i + 100)) for i in range(12)]
    plain = generate(build(config), wanted, drawn, (0,), 24)
    model = build(config)
    packed.pack(model)
    first = on_threads(1, model, wanted, drawn, 24)
    second = on_threads(2, model, wanted, drawn, 5)
    for expected, one, other in zip(plain, first, second, strict=True):
        for a, b, c in zip(expected, one, other, strict=True):
            assert a.token_ids.tolist() == b.token_ids.tolist() == c.token_ids.tolist()
            np.testing.assert_allclose(a.token_logprobs, b.token_logprobs, atol=1e-4)
            np.testing.assert_array_equal(b.token_logprobs, c.token_logprobs)


def on_threads(
    threads: int, model: PreTrainedModel, wanted: list[Request], drawn: Decoding, rows: int
) -> list[list[Completion]]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return generate(model, wanted, drawn, (0,), rows)
    finally:
        torch.set_num_threads(before)


def linear_bytes(model: PreTrainedModel) -> int:
    return sum(module.weight.nbytes for module in model.modules() if type(module) is torch.nn.Linear)


@pytest.mark.usefixtures("large")
def test_weights_are_freed_but_those_that_embed_as_well() -> None:
    untied, tied = build(UNTIED), build(TIED)
    packed.pack(untied)
    packed.pack(tied)
    assert linear_bytes(untied) == 0
    assert linear_bytes(tied) == tied.get_input_embeddings().weight.nbytes > 0


def test_a_model_that_fits_into_the_caches_stays_as_it_is() -> None:
    model = build(TIED)
    held = linear_bytes(model)
    assert not packed.pack(model)
    assert linear_bytes(model) == held


@pytest.mark.usefixtures("large")
def test_16_bits_are_packed_where_the_processor_multiplies_them() -> None:
    """Logits differ by roundings to 8 bits of mantissa, as those of plain layers do from float32's."""
    ids = torch.arange(20, 84)[None]
    with torch.inference_mode():
        exact = build(TIED)(ids).logits
        plain = build(TIED).bfloat16()(ids).logits.float()
        model = build(TIED).bfloat16()
        assert packed.pack(model) == torch.ops.mkldnn._is_mkldnn_bf16_supported()
        off, off_plain = ((logits - exact).abs().max() for logits in (model(ids).logits.float(), plain))
    assert off <= 2 * off_plain


@pytest.mark.slow  # it is about the processor: what holds with one is seen again with others
@pytest.mark.usefixtures("large")
@pytest.mark.skipif(not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="the processor has no 16-bit units")
@pytest.mark.parametrize("config", [TIED, UNTIED])
def test_in_16_bits_too_the_same_bits_in_any_batch_on_any_threads(config: Qwen2Config | LlamaConfig) -> None:
    drawn = Decoding(temperature=1.0, top_p=1.0, max_new_tokens=20, entropy_top_k=15)
    wanted = [Request(tuple(range(20, 50 + 15 * i)), (i, i + 100)) for i in range(12)]
    model = build(config).bfloat16()
    packed.pack(model)
    found = [on_threads(threads, model, wanted, drawn, rows) for threads, rows in ((1, 24), (2, 24), (2, 5), (1, 1))]
    for one, *others in zip(*found, strict=True):
        for other in others:
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a.token_ids, b.token_ids)
                np.testing.assert_array_equal(a.token_logprobs, b.token_logprobs)


@pytest.mark.usefixtures("large")
def test_other_dtypes_stay_as_they_are() -> None:
    assert not packed.pack(build(TIED).half())
