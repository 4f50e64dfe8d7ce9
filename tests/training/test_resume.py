"""A training that is stopped anywhere ends as if it had not been: checkpoints and what goes on from them."""

import csv
import json
import logging
import multiprocessing
import random
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from safetensors import safe_open
from safetensors.torch import load, save_file

from conself.records import ModelRef
from conself.training.checkpoints import restore, state
from conself.training.fit import FitReport
from conself.training.policy.tuning import Full
from conself.training.strategies.distributed import FSDP
from tests.training.resume_world import (
    THREE_EPOCHS,
    adamw,
    adapter,
    long_training,
    policy,
    step,
    stopped_at,
    train,
    two_shards,
    without_seconds,
)
from tests.training.training_world import runtime

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["conself.training.fit"])  # imports take longer than the trainings


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
    chosen = replace(THREE_EPOCHS, tuning=Full(), export="merged")
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
        speeds = [row.pop("train/tokens_per_second", 0) > 0 for row in rows[-1]]
        assert speeds == [run == "whole" or step > 4 for step in range(9)], "of the steps that this run has taken"
    assert [row["step"] for row in rows[0]] == list(range(9))
    assert rows[0] == [pytest.approx(row, rel=1e-6) for row in rows[1]]  # Lightning logs float32


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_training_moves_from_one_process_to_two_and_back(
    whole: tuple[FitReport, bytes], model_ref: ModelRef, tmp_path: Path
) -> None:
    """Stopped on one device, then (by kill -9) on two that share the weights, it ends where one device has got."""
    stopped_at(1, model_ref, tmp_path / "out")
    stopped_at(4, model_ref, tmp_path / "out", replace(THREE_EPOCHS, runtime=runtime(devices=2, strategy=FSDP())))
    report = train(model_ref, tmp_path / "out")
    assert [row["loss"] for row in report.curve] == pytest.approx([row["loss"] for row in whole[0].curve], rel=1e-4)
    trained, expected = load(adapter(tmp_path / "out")), load(whole[1])
    assert trained.keys() == expected.keys()
    assert all(torch.allclose(trained[name], value, atol=1e-5) for name, value in expected.items())
