"""Memory that a training holds: counted by hand, refused before any work where it is not there."""

from dataclasses import replace
from pathlib import Path

import pytest

from conself.records import ModelRef
from conself.training.layouts.padded import PairsLayout
from conself.training.memory import check_memory, free_bytes, held_bytes
from conself.training.policy.tuning import Full, Lora
from conself.training.settings import Runtime, Training
from conself.training.strategies.distributed import DDP
from tests.models.families import EXTRA_ROWS, QWEN, save

LORA = Lora(r=4, alpha=8, target="all-linear", rslora=False, dora=False)
RUNTIME = Runtime(PairsLayout(512), "cpu", 1, 1, DDP(), False, checkpoint_share=None, progress=False)
SETTINGS = Training(LORA, "adapter", 5e-3, 0.0, 0.0, 1.0, 3, 2, False, 128, 1, RUNTIME)
WHOLE = replace(SETTINGS, tuning=Full(), export="merged")


@pytest.fixture(scope="module")
def ref(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    return ModelRef(str(save(QWEN, tmp_path_factory.mktemp("model"))), None, None, "bfloat16", "sdpa", None)


def test_all_weights_take_sixteen_bytes_each_and_a_frozen_base_those_of_its_dtype(ref: ModelRef) -> None:
    import json

    vocab = json.loads((Path(ref.name) / "config.json").read_text())["vocab_size"]
    hidden, inner, kv = 32, 48, 16
    attention = 2 * hidden * hidden + 2 * kv * hidden + hidden + 2 * kv  # query, output, key, value; biases of three
    layer = attention + 3 * hidden * inner + 2 * hidden
    parameters = 2 * layer + hidden + 2 * vocab * hidden
    assert vocab > EXTRA_ROWS
    assert held_bytes(ref, WHOLE) == held_bytes(replace(ref, dtype="float32"), WHOLE) == 16 * parameters
    assert held_bytes(ref, SETTINGS) == 2 * parameters
    assert held_bytes(replace(ref, dtype="float32"), SETTINGS) == 4 * parameters


def test_what_does_not_fit_is_refused_and_what_is_large_is_told(ref: ModelRef, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_memory(ref, WHOLE) is None, "a small model is not worth a line"
    monkeypatch.setattr("conself.training.memory.free_bytes", lambda _: 1000)
    with pytest.raises(ValueError, match=r"training holds 0\.0 GB \(weights, gradients .* free; choose training=lora"):
        check_memory(ref, WHOLE)
    with pytest.raises(ValueError, match=r"the frozen weights in bfloat16\), .* choose a smaller model, or a 16-bit"):
        check_memory(ref, SETTINGS)
    monkeypatch.setattr("conself.training.memory.free_bytes", lambda _: 20e9)
    monkeypatch.setattr("conself.training.memory.held_bytes", lambda *_: 10_082_678_784)
    assert check_memory(ref, WHOLE) == (
        "training holds 10.1 GB (weights, gradients and AdamW's moments in float32) of 20.0 GB free, and activations"
    )


def test_free_memory_is_no_more_than_the_machine_has() -> None:
    import os

    assert 0 < free_bytes("cpu") <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
