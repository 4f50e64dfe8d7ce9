"""A sweep of three jobs leaves three W&B runs, each with its own values."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Job, train
from tests.tracking.wandb_files import WandbRun, of_job

pytestmark = pytest.mark.slow
TAUS = (0.6, 0.8, 1.0)


@pytest.fixture(scope="module")
def sweep(whole: Job, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Three taus; what comes before the curriculum is in the store already."""
    assert whole.status == 0, whole.output
    folder = tmp_path_factory.mktemp("multirun") / "a_sweep"
    return train(store, folder, "-m", "tau=0.6,0.8,1.0", "benchmark.minipy.size=8", "tracking=wandb")


@pytest.fixture(scope="module")
def runs(sweep: Job) -> list[tuple[WandbRun, dict[str, Any]]]:
    """Each job's W&B run and its results.json."""
    assert sweep.status == 0, sweep.output
    folders = [sweep.folder / str(number) for number in range(3)]
    return [(of_job(folder), json.loads((folder / "results.json").read_text())) for folder in folders]


def test_three_runs_of_one_group_named_by_their_overrides(runs: list[tuple[WandbRun, dict[str, Any]]]) -> None:
    assert len({run.id for run, _ in runs}) == 3
    for (run, _), tau in zip(runs, TAUS, strict=True):
        assert f"tau={tau}" in run.name.split()
        assert "artifacts=" not in run.name
        assert (run.group, run.kind, run.exit_code) == ("a_sweep", "train", 0)
        assert "minipy" in run.tags
        assert (run.config["tau"], run.config["benchmark"]["minipy"]["size"]) == (tau, 8)


def test_each_has_its_own_figures_curve_table_and_histogram(runs: list[tuple[WandbRun, dict[str, Any]]]) -> None:
    for run, results in runs:
        assert run.summary["problems/kept"] == results["problems"]["kept"]
        assert run.summary["pairs"] == results["pairs"]
        for who in ("base", "tuned"):
            name = f"benchmarks/minipy/{who}/pass@1"
            assert run.summary[name] == results["benchmarks"]["minipy"][who]["pass@1"]
        loss = run.curve("train/loss")
        assert [step for step, _ in loss] == list(range(results["training"]["steps"]))
        assert all(len(run.curve(f"train/{name}")) == len(loss) for name in ("margin", "kl", "chosen_log_prob"))
        columns, rows = run.table("tables/metrics")
        assert {row[0]: row[columns.index("AUC")] for row in rows} == {
            name: pytest.approx(row["auc"]) for name, row in results["metrics"].items()
        }
        assert sum(run.logged("uncertainty")["values"]) == results["problems"]["eligible"]
        stored = {json.loads(artifact.metadata)["key"] for artifact in run.artifacts.values() if artifact.metadata}
        assert stored == set(results["artifacts"].values())
    assert runs[0][0].curve("train/loss") != runs[2][0].curve("train/loss")


def test_each_job_ends_with_the_line_that_uploads_it(sweep: Job, runs: list[tuple[WandbRun, dict[str, Any]]]) -> None:
    for run, _ in runs:
        assert sweep.output.count(f"wandb sync {run.folder}\n") == 1
    assert sweep.output.rstrip().endswith(f"wandb sync {runs[-1][0].folder}"), "below the tables, where it is seen"


def test_a_job_that_fails_is_marked_and_the_next_is_not(whole: Job, store: Path, tmp_path: Path) -> None:
    assert whole.status == 0, whole.output
    words = ("training.max_length=1,2048", "benchmark.minipy.size=8", "tracking=wandb")
    sweep = train(store, tmp_path / "sweep", "-m", *words)
    assert sweep.status != 0, sweep.output
    failed, done = (of_job(tmp_path / "sweep" / number) for number in ("0", "1"))
    assert (failed.exit_code, done.exit_code) == (1, 0)
    assert "pairs" not in failed.summary
    assert "pairs" in done.summary
    assert failed.id != done.id
