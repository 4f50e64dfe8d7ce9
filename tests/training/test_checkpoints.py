"""What a checkpoint holds, when one is written, and what becomes of those that cannot be used."""

import errno
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from conself.losses.con_dpo import ConDPO
from conself.records import ModelRef
from conself.training.checkpoints import training_key
from conself.training.data import Response, pair_example
from conself.training.fit import FitReport
from conself.training.policy.disk import disk_errors
from tests.training.resume_world import (
    LOSS,
    THREE_EPOCHS,
    Stop,
    StoppedError,
    adapter,
    stopped_at,
    train,
    without_seconds,
)
from tests.training.training_world import runtime, settings


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 4
    path.write_bytes(content)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def without_facts(path: Path) -> None:
    with safe_open(path, framework="pt") as file:
        metadata = {name: value for name, value in file.metadata().items() if name != "facts"}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, metadata)


@pytest.mark.parametrize("spoil", [truncate, flip_a_bit, empty, without_facts])
def test_a_broken_checkpoint_is_told_in_a_line_and_replaced(
    spoil: Callable[[Path], None],
    whole: tuple[FitReport, bytes],
    model_ref: ModelRef,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    left = stopped_at(3, model_ref, tmp_path / "out")
    spoil(left)
    report = train(model_ref, tmp_path / "out")
    (warning,) = caplog.records
    assert f"checkpoint {left} cannot be used" in warning.getMessage()
    assert "\n" not in warning.getMessage()
    assert adapter(tmp_path / "out") == whole[1]
    assert without_seconds(report) == without_seconds(whole[0])


def test_the_checkpoint_before_a_broken_one_is_used(
    whole: tuple[FitReport, bytes], model_ref: ModelRef, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = stopped_at(1, model_ref, tmp_path / "out")
    shutil.copy(first, tmp_path)
    truncate(stopped_at(4, model_ref, tmp_path / "out"))
    shutil.move(tmp_path / first.name, first)  # as if the run had been killed before it removed this one
    with caplog.at_level(logging.INFO):
        train(model_ref, tmp_path / "out")
    assert "training goes on after step 2 of 9" in caplog.text
    assert adapter(tmp_path / "out") == whole[1]


def test_a_checkpoint_of_another_training_is_left_alone(
    whole: tuple[FitReport, bytes], model_ref: ModelRef, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stopped_at(3, model_ref, tmp_path / "out", replace(THREE_EPOCHS, learning_rate=1e-3))
    train(model_ref, tmp_path / "out")
    assert "it belongs to a training run with other settings, pairs or model" in caplog.text
    assert adapter(tmp_path / "out") == whole[1]


def test_the_key_follows_what_decides_the_steps_and_nothing_else() -> None:
    prompt = (3, 4)
    pairs = [pair_example("p", "p/0/1", Response(prompt, (5, 1)), Response(prompt, (6, 1)), 0.5)]
    small, large = {"weight": (3, 2)}, {"weight": (4, 2)}
    known = training_key("model", small, pairs, settings(), LOSS, 0)
    slower = runtime(gradient_checkpointing=1.0, checkpoint_share=0.5)
    assert training_key("model", small, pairs, settings(runtime=slower), LOSS, 0) == known
    others = [
        training_key("tuned", small, pairs, settings(), LOSS, 0),
        training_key("model", large, pairs, settings(), LOSS, 0),
        training_key("model", small, [replace(pairs[0], signal=(0.6, 0.0))], settings(), LOSS, 0),
        training_key("model", small, [replace(pairs[0], responses=pairs[0].responses[::-1])], settings(), LOSS, 0),
        training_key("model", small, pairs, settings(epochs=3), LOSS, 0),
        training_key("model", small, pairs, settings(), ConDPO(beta=0.4), 0),
        training_key("model", small, pairs, settings(), LOSS, 1),
    ]
    assert len({known, *others}) == 8


def test_a_checkpoint_holds_what_trains_and_nothing_of_the_base(model_ref: ModelRef, tmp_path: Path) -> None:
    """Rank 4 on 2 layers: q, k, v, o (32 -> 32, 16, 16, 32), gate, up (32 -> 48), down (48 -> 32)."""
    weights = 2 * 4 * (64 + 48 + 48 + 64 + 80 + 80 + 80)
    left = stopped_at(0, model_ref, tmp_path / "out")
    with safe_open(left, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    kinds = {name.split("/")[0] for name in tensors}
    assert kinds == {"weights", "exp_avg", "exp_avg_sq", "step"}
    for kind in kinds - {"step"}:
        assert sum(value.numel() for name, value in tensors.items() if name.startswith(f"{kind}/")) == weights
    assert all("lora_" in name for name in tensors)
    assert all(value.dtype == torch.float32 for value in tensors.values())
    assert left.stat().st_size < 3 * 4 * weights + 40_000, "more than weights, moments and names"


@pytest.mark.parametrize(("share", "left"), [(1e-9, ["step-00000001.safetensors"]), (None, [])])
def test_checkpoints_take_their_share_of_the_time(
    share: float | None, left: list[str], model_ref: ModelRef, tmp_path: Path
) -> None:
    chosen = replace(THREE_EPOCHS, runtime=runtime(checkpoint_share=share))
    with pytest.raises(StoppedError):
        train(model_ref, tmp_path, chosen, Stop(7))
    assert [path.name for path in tmp_path.glob("checkpoints/*")] == left


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot write") as full, disk_errors(tmp_path):
        raise SafetensorError("I/O error: No space left on device (os error 28)")
    assert full.value.errno == errno.ENOSPC
    with pytest.raises(OSError, match="cannot write") as missing, disk_errors(tmp_path):
        save_file({"a": torch.zeros(1)}, tmp_path / "none" / "file")
    assert missing.value.errno == errno.ENOENT
