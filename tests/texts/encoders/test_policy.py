import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from conself.records import ModelRef
from conself.texts.encoders.policy import PolicyEncoder, Runtime

TEXTS = ["def f(x): return x", "x", "def f(x):\n    return x + 1", ""]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    """A random one-layer model over single bytes."""
    folder = tmp_path_factory.mktemp("model")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE(vocab={"<end>": 0} | {c: i + 1 for i, c in enumerate(alphabet)}, merges=[]))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=bytes_only, eos_token="<end>", pad_token="<end>").save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=257,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return ModelRef(str(folder), None, None, "float32", "sdpa", None)


def test_an_embedding_is_the_mean_of_the_last_hidden_states(model: ModelRef) -> None:
    [row] = PolicyEncoder(model, 64, Runtime("cpu", 64))(["ab"])
    network = AutoModelForCausalLM.from_pretrained(model.name)
    ids = torch.tensor([PreTrainedTokenizerFast.from_pretrained(model.name).encode("ab", add_special_tokens=False)])
    assert ids.shape == (1, 2)
    with torch.no_grad():
        hidden = network(input_ids=ids, output_hidden_states=True).hidden_states[-1]
    np.testing.assert_allclose(row, hidden[0].mean(dim=0).numpy(), atol=1e-6)


def test_batches_and_padding_change_nothing(model: ModelRef) -> None:
    one, many = (PolicyEncoder(model, 64, Runtime("cpu", 16 * size))(TEXTS) for size in (1, 3))
    assert one.shape == (4, 16)
    assert one.dtype == np.float32
    np.testing.assert_allclose(one, many, atol=1e-6)
    assert np.abs(one[0] - one[2]).max() > 1e-3


def test_long_texts_are_cut(model: ModelRef) -> None:
    cut, whole = PolicyEncoder(model, 3, Runtime("cpu", 32))(["abcdef", "abc"])
    np.testing.assert_allclose(cut, whole, atol=1e-6)


def test_an_encoder_ships_without_its_model_which_a_process_loads_once(model: ModelRef, tmp_path: Path) -> None:
    folder = shutil.copytree(model.name, tmp_path / "model")
    encoder = PolicyEncoder(replace(model, name=str(folder)), 64, Runtime("cpu", 64))
    before = encoder(TEXTS)
    parcel = pickle.dumps(encoder)
    assert len(parcel) < 2000
    shutil.rmtree(folder)  # whoever loads again, fails
    copy = pickle.loads(parcel)
    assert copy == encoder
    np.testing.assert_array_equal(copy(TEXTS), before)


def test_another_model_is_loaded_anew(model: ModelRef, tmp_path: Path) -> None:
    network = AutoModelForCausalLM.from_pretrained(shutil.copytree(model.name, tmp_path / "model"))
    with torch.no_grad():
        network.model.norm.weight.mul_(2.0)
    network.save_pretrained(tmp_path / "model")
    one, other = (
        PolicyEncoder(replace(model, name=name), 64, Runtime("cpu", 64))(TEXTS)
        for name in (model.name, str(tmp_path / "model"))
    )
    np.testing.assert_allclose(other, 2.0 * one, rtol=1e-5, atol=1e-6)


@contextmanager
def forward_passes() -> Iterator[list[tuple[str, list[int]]]]:
    """Name of the class and shape of the result of each module that runs in the block."""
    seen: list[tuple[str, list[int]]] = []

    def note(module: torch.nn.Module, arguments: object, result: object) -> None:  # noqa: ARG001
        if isinstance(result, torch.Tensor):
            seen.append((type(module).__name__, list(result.shape)))

    handle = torch.nn.modules.module.register_module_forward_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


def test_like_lengths_share_a_batch_and_no_logits_are_computed(model: ModelRef) -> None:
    texts = ["a" * 9, "bb", "c" * 8, "d", "e" * 9]
    with forward_passes() as seen:
        PolicyEncoder(model, 64, Runtime("cpu", 18))(texts)
    batches = [shape for name, shape in seen if name == "Embedding"]
    # 9 and 9; then 8 and 2 in one batch of 16, since 3 * 8 is beyond 18; then the single letter
    assert batches == [[2, 9, 16], [2, 8, 16], [1, 1, 16]]
    assert not [shape for _, shape in seen if shape[-1] == 257]  # the vocabulary


@pytest.mark.parametrize("budget", [20, 40, 1000])
def test_a_text_has_one_embedding_whatever_comes_with_it(model: ModelRef, budget: int) -> None:
    texts = ["abc", "x" * 20, "y", "z" * 19, "abcdef"]
    rows = PolicyEncoder(model, 64, Runtime("cpu", budget))(texts)
    alone = [PolicyEncoder(model, 64, Runtime("cpu", 1))([text])[0] for text in texts]
    np.testing.assert_allclose(rows, alone, atol=1e-6)


def test_a_batch_holds_a_token_at_least() -> None:
    with pytest.raises(ValueError, match=r"runtime\.token_budget must be at least 1, got 0"):
        Runtime("cpu", 0)
