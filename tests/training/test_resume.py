"""A training that is stopped anywhere ends as if it had not been: checkpoints and what goes on from them."""

import csv
import errno
import json
import logging
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, Logger
from resume_world import adamw, long_training, policy, step, two_shards
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from training_world import runtime, settings, toy_pairs

from conself.losses.con_dpo import ConDPO
from conself.records import ModelRef
from conself.training.checkpoints import restore, state, training_key
from conself.training.data import Response, TokenPair
from conself.training.disk import disk_errors
from conself.training.fit import FitReport, fit
from conself.training.settings import Training
from conself.training.tuning import Full

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["conself.training.fit"])  # imports take longer than the trainings
LOSS = ConDPO(beta=0.5)
THREE_EPOCHS = settings(epochs=3, batch_size=3)  # 8 pairs: steps of 3, 3 and 2 pairs, three times


class StoppedError(Exception):
    """What :class:`Stop` raises."""


class Stop(Logger):
    """Stops the training when step ``step`` (from 0) is logged, after its checkpoint was written."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    @property
    def name(self) -> str:
        return "stop"

    @property
    def version(self) -> str:
        return "0"

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to keep."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if step == self.step and "train/loss" in metrics:
            raise StoppedError


def without_seconds(report: FitReport) -> dict[str, Any]:
    return {name: value for name, value in asdict(report).items() if name != "seconds"}


def adapter(out: Path) -> bytes:
    return (out / "adapter" / "adapter_model.safetensors").read_bytes()


def train(model: ModelRef, out: Path, chosen: Training | None = None, logger: Logger | None = None) -> FitReport:
    """One training with the same reference, which the test's folder keeps."""
    return fit(toy_pairs(), model, chosen or THREE_EPOCHS, LOSS, 0, out, out.parent / "reference", logger)


def stopped_at(step: int, model: ModelRef, out: Path, chosen: Training = THREE_EPOCHS) -> Path:
    """The checkpoint that a training leaves which is stopped at a step."""
    with pytest.raises(StoppedError):
        train(model, out, chosen, Stop(step))
    assert [path.name for path in out.iterdir()] == ["checkpoints"]
    (left,) = (out / "checkpoints").iterdir()
    return left


@pytest.fixture(scope="module")
def whole(model_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> tuple[FitReport, bytes]:
    """Report and adapter of the training that nothing stops, and that writes no checkpoint."""
    out: Path = tmp_path_factory.mktemp("whole")
    return train(model_ref, out), adapter(out)


@pytest.mark.parametrize("step", [0, 1, 2, 3, 7])
def test_stopped_once_it_ends_with_the_same_bits(
    step: int, whole: tuple[FitReport, bytes], model_ref: ModelRef, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After the first step, within an epoch, at its end (2), after the first of another (3), before the last (7)."""
    left = stopped_at(step, model_ref, tmp_path / "out")
    assert left.name == f"step-{step + 1:08d}.safetensors"
    with caplog.at_level(logging.INFO):
        report = train(model_ref, tmp_path / "out")
    assert f"training goes on after step {step + 1} of 9" in caplog.text
    assert adapter(tmp_path / "out") == whole[1]
    assert without_seconds(report) == without_seconds(whole[0])


def test_full_fine_tuning_goes_on_as_well(model_ref: ModelRef, tmp_path: Path) -> None:
    """The reference of a second run is the model as it was loaded, not as the checkpoint has it."""
    chosen = replace(THREE_EPOCHS, tuning=Full())
    whole = train(model_ref, tmp_path / "whole", chosen)
    stopped_at(3, model_ref, tmp_path / "out", chosen)
    shutil.rmtree(tmp_path / "reference")
    report = train(model_ref, tmp_path / "out", chosen)
    first, second = ((tmp_path / out / "model" / "model.safetensors").read_bytes() for out in ("whole", "out"))
    assert first == second
    assert without_seconds(report) == without_seconds(whole)


def test_a_resumed_training_shows_its_whole_curve_and_counts_all_seconds(model_ref: ModelRef, tmp_path: Path) -> None:
    left = stopped_at(4, model_ref, tmp_path / "resumed")
    with safe_open(left, framework="pt") as file:
        earlier = json.loads(file.metadata()["facts"])["seconds"]
    rows = []
    for run in ("resumed", "whole"):
        logger = CSVLogger(str(tmp_path), name=f"{run} curve", version="0")
        report = train(model_ref, tmp_path / run, logger=logger)
        assert report.seconds > (earlier if run == "resumed" else 0)
        with (Path(logger.log_dir) / "metrics.csv").open() as file:
            rows.append([{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)])
    assert [row["step"] for row in rows[0]] == list(range(9))
    assert rows[0] == [pytest.approx(row, rel=1e-6) for row in rows[1]]  # Lightning logs float32


def test_killed_three_times_at_random_it_ends_with_the_same_bits(model_ref: ModelRef, tmp_path: Path) -> None:
    """kill -9, wherever the process happens to be: in a step, while a checkpoint is written, or in between."""
    long_training(model_ref, tmp_path / "whole")
    checkpoints, reached = tmp_path / "out" / "checkpoints", 0
    for _ in range(3):
        target = reached + random.randint(5, 25)
        child = FORKS.Process(target=long_training, args=(model_ref, tmp_path / "out"))
        child.start()
        deadline = time.monotonic() + 60
        while steps(checkpoints) < target:
            assert child.is_alive(), "the training ended before it was killed"
            assert time.monotonic() < deadline, "no checkpoint was seen"
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.03))
        child.kill()
        child.join(30)
        assert child.exitcode == -signal.SIGKILL
        reached = steps(checkpoints)
        assert target <= reached < 120
    report = long_training(model_ref, tmp_path / "out")
    assert report.steps == 120
    assert adapter(tmp_path / "out") == adapter(tmp_path / "whole")


def steps(checkpoints: Path) -> int:
    return max((int(path.stem.split("-")[1]) for path in checkpoints.glob("step-*.safetensors")), default=0)


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
    assert f"checkpoint {left} is of no use" in warning.getMessage()
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
    assert "it belongs to a training with other settings, pairs or model" in caplog.text
    assert adapter(tmp_path / "out") == whole[1]


def test_the_key_follows_what_decides_the_steps_and_nothing_else() -> None:
    prompt = (3, 4)
    pairs = [TokenPair("p", "p/0/1", Response(prompt, (5, 1)), Response(prompt, (6, 1)), 0.5)]
    known = training_key("model", pairs, settings(), LOSS, 0)
    slower = runtime(gradient_checkpointing=True, checkpoint_share=0.5)
    assert training_key("model", pairs, settings(runtime=slower), LOSS, 0) == known
    others = [
        training_key("tuned", pairs, settings(), LOSS, 0),
        training_key("model", [replace(pairs[0], weight=0.6)], settings(), LOSS, 0),
        training_key("model", [replace(pairs[0], chosen=Response(prompt, (7, 1)))], settings(), LOSS, 0),
        training_key("model", pairs, settings(epochs=3), LOSS, 0),
        training_key("model", pairs, settings(), ConDPO(beta=0.4), 0),
        training_key("model", pairs, settings(), LOSS, 1),
    ]
    assert len({known, *others}) == 7


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


def test_one_process_and_two_that_share_the_weights_go_on_from_one_another(tmp_path: Path) -> None:
    """Steps 0, 1, 2 on one process, or step 1 on two of them: the same bits, for AdamW works on each element alone."""
    ends = []
    for shared in (False, True):
        model = policy()
        optimizer = adamw(model)
        step(model, optimizer, 0)
        if shared:
            save_file(state(model, optimizer, keep=True), tmp_path / "one")
            shards = [FORKS.Process(target=two_shards, args=(rank, tmp_path)) for rank in range(2)]
            for shard in shards:
                shard.start()
            for shard in shards:
                shard.join(60)
            assert [shard.exitcode for shard in shards] == [0, 0]
            model = policy()
            optimizer = adamw(model)
            restore(tmp_path / "two", model, optimizer)
        else:
            step(model, optimizer, 1)
        step(model, optimizer, 2)
        ends.append(state(model, optimizer, keep=True))
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())
