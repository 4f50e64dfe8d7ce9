"""Both roles as a user runs them, with a tiny model that can say a few programs and tests: figures, labels, kill -9."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.conftest import IN_TURN, Job, run, start
from tests.e2e.preloaded import preloaded
from tests.online.roles_world import speaking

SAID = [
    "```python\ndef f(x): return x\n```",
    "```python\ndef f(x): return x if x else 0\n```",
    "```python\ndef f(x): return [] if x == [] else x.y\n```",
    '[{"input": [[1, 2]], "expected": [1, 2]}]',
    '[{"input": [[]], "expected": []}]',
    "no idea",
]
"""Of the programs two give back what they get, or nearly; the tests claim that."""
SMALL = (
    "experiment=zerocoder",
    "curriculum.threshold=0",
    "model=hub",
    "model.dtype=float32",
    "benchmark=[minipy]",
    "benchmark.minipy.size=2",
    "dataset.size=12",
    "prompts=minipy",
    "prompts._target_=tests.online.stopping.Stopping",
    'testing.prompts.function="{statement} x7"',
    "tokens.program=6",
    "tokens.tests=6",
    "training.learning_rate=2e-2",
    "training.runtime.checkpoint_share=1",
    "loop.steps=4",
    "loop.problems=4",
    "engine.runtime.processes=1",
    "executor.workers=1",
    "tracking=none",
    IN_TURN,
)
DYNAMIC = ("calibration@testing.calibration=dynamic_b4", "labels=3")


def command(artifacts: Path, folder: Path, *overrides: str) -> list[str]:
    """The words of one job with its own store and run folder."""
    words = [sys.executable, "-m", "conself.train", *SMALL, *overrides]
    return [*words, f"artifacts={artifacts}", f"hydra.run.dir={folder}"]


def train(artifacts: Path, folder: Path, *overrides: str) -> Job:
    """Run one job to its end."""
    return Job(*run(command(artifacts, folder, *overrides)), folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"model.name={speaking(SAID, tmp_path_factory.mktemp('speaking')).name}"


@pytest.fixture(scope="module")
def whole(model: str, tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("zerocoder")
    return train(folder / "store", folder / "run", model, *DYNAMIC)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "artifacts" / "reinforce" / "steps.jsonl").read_text().splitlines()]


def test_a_run_has_figures_of_both_roles_and_says_what_it_knew(whole: Job) -> None:
    results = whole.results
    assert results["labels"] == 3
    kept = results["problems"]["kept"]
    assert 3 < kept <= 12, "those with a rank, whatever it is"
    assert (results["training"]["n_labelled"], results["training"]["n_problems"]) == (3, kept - 3)
    rows = lines(whole.folder)
    assert [row["step"] for row in rows] == [0, 1, 2, 3]
    assert any("test_accuracy" in row for row in rows)
    assert any("loss" in row for row in rows)
    assert all({"unparsable", "tester_length", "log10_beta0", "calibration_right"} <= set(row) for row in rows)
    assert "labels: 3: parts of this job go by what is right of 3 problems" in whole.output
    assert "replies without a test that can be read" in whole.output
    graded = results["benchmarks"]["minipy"]["written_tests"]
    assert [graded[side]["problems"] for side in ("base", "tuned")] == [2, 2]
    assert "minipy, tuned" in whole.output


@pytest.mark.slow
def test_killed_within_a_step_it_goes_on_as_if_it_had_not_been(whole: Job, model: str, tmp_path: Path) -> None:
    words = command(tmp_path / "store", tmp_path / "killed", model, *DYNAMIC)
    job = psutil.Process(start(words, Path(os.devnull)))
    deadline = time.monotonic() + 120
    while not list((tmp_path / "store").glob("reinforce/.*.partial/checkpoints/step-00000002*")):
        assert job.status() != psutil.STATUS_ZOMBIE, "the job ended before its second checkpoint was seen"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    job.kill()
    assert preloaded().wait(job.pid, seconds=60) == -signal.SIGKILL
    last = train(tmp_path / "store", tmp_path / "last", model, *DYNAMIC)
    assert last.results["artifacts"] == whole.results["artifacts"]
    one, other = (each.folder / "artifacts" / "reinforce" for each in (last, whole))
    for name in ("steps.jsonl", "adapter/adapter_model.safetensors"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_labels_are_refused_in_one_line_where_the_job_does_not_say_so(model: str, tmp_path: Path) -> None:
    job = train(tmp_path / "store", tmp_path / "run", model, "reward=oracle")
    assert job.status == 2
    (line,) = [line for line in job.output.splitlines() if line.startswith("error:")]
    assert "Set labels=all" in line
    assert not (tmp_path / "store").exists()
