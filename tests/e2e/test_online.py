"""Con-GRPO as a user runs it, on a few problems of the embedded world: figures, files, and survival of kill -9."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.conftest import ROOT, Job, command, start, train
from tests.e2e.preloaded import preloaded

SMALL = (
    "experiment=con_grpo",
    "dataset.size=30",
    "loop.steps=4",
    "loop.problems=6",
    "rollouts.n=4",
    "training.runtime.checkpoint_share=1",
)
FEW = ("benchmark.minipy.size=10", "loop.snapshot_every=2", "voters.n=2", "guard.held_out=6", "guard.every=2")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Path]:
    folder = tmp_path_factory.mktemp("online")
    return train(folder / "store", folder / "run", "tracking=csv", *SMALL, *FEW), folder / "store"


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]


def test_a_run_has_figures_of_every_step_and_of_the_weights_on_the_way(whole: tuple[Job, Path]) -> None:
    job, _ = whole
    results = job.results
    training = results["training"]
    assert (training["steps"], training["n_problems"], training["n_held_out"]) == (4, 24, 6)
    rows = lines(job.folder / "artifacts" / "reinforce")
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["step"] for row in rows if "held_out_distinct_traces" in row] == [0, 2, 4]
    learned = [row for row in rows if "loss" in row]
    assert learned, "some group must have something to say"
    assert all(abs(row["behaviour_kl"]) < 1e-7 for row in learned)
    assert [point["step"] for point in results["by_steps"]["minipy"]] == [0, 2, 4]
    assert all(set(point["pass@k"]) == {"2"} for point in results["by_steps"]["minipy"])
    assert results["by_steps"]["minipy"][2]["pass@1"] == results["benchmarks"]["minipy"]["tuned"]["pass@1"]
    assert training["sampled_tokens"] == sum(row.get("sampled_tokens", 0) for row in rows)
    curves = (job.folder / "csv" / "metrics.csv").read_text()
    assert "train/reward" in curves.splitlines()[0]
    assert "minipy, by steps" in job.output
    page = (ROOT / "docs" / "run-folder.md").read_text()
    point = results["by_steps"]["minipy"][0]
    assert sorted(key for key in {*results, *point} - {"step"} if f"`{key}`" not in page) == []


def test_what_is_in_the_store_is_not_trained_again_and_its_curves_are_shown(whole: tuple[Job, Path]) -> None:
    job, store = whole
    again = train(store, job.folder.parent / "again", "tracking=csv", *SMALL, *FEW)
    assert again.results["artifacts"] == job.results["artifacts"]
    curves = [(each.folder / "csv" / "metrics.csv").read_text() for each in (job, again)]
    assert curves[0] == curves[1]


def test_killed_within_a_step_it_goes_on_as_if_it_had_not_been(whole: tuple[Job, Path], tmp_path: Path) -> None:
    words = command(tmp_path / "store", tmp_path / "killed", "tracking=none", *SMALL, *FEW)
    job = psutil.Process(start(words, Path(os.devnull)))
    deadline = time.monotonic() + 120
    while not list((tmp_path / "store").glob("reinforce/.*.partial/checkpoints/step-00000002*")):
        assert job.status() != psutil.STATUS_ZOMBIE, "the job ended before its second checkpoint was seen"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    job.kill()
    assert preloaded().wait(job.pid, seconds=60) == -signal.SIGKILL
    last = train(tmp_path / "store", tmp_path / "last", "tracking=none", *SMALL, *FEW)
    assert last.results["artifacts"] == whole[0].results["artifacts"]
    one, other = (each.folder / "artifacts" / "reinforce" for each in (last, whole[0]))
    for name in (
        "steps.jsonl",
        "adapter/adapter_model.safetensors",
        "snapshots/step-000002/adapter/adapter_model.safetensors",
    ):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_truncated_sampling_is_refused_in_one_line_before_any_work(tmp_path: Path) -> None:
    job = train(tmp_path / "store", tmp_path / "run", "tracking=none", *SMALL, "rollouts.top_p=0.8")
    assert job.status == 2
    (line,) = [line for line in job.output.splitlines() if line.startswith("error:")]
    assert "rollouts.truncation=acknowledged" in line
    assert not (tmp_path / "store").exists()
