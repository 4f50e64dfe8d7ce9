"""The wheel, installed beside the third-party packages of this environment: every command, from an empty folder."""

import json
import math
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import conself
from tests.package.environments import (
    ROOT,
    SCORE,
    borrowing_environment,
    build_wheel,
    run,
    site_packages,
    write_own_part,
)

SMALL = ("size=smoke", "dataset.size=16", "sampler.programs_per_observation=2", "benchmark.minipy.size=5")
QUICK = ("training.epochs=1", "~metrics.naive_semantic_entropy", "tracking=none", "executor.workers=1")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ``python`` and ``conself`` in an environment that has the wheel."""
    environment = tmp_path_factory.mktemp("environment")
    python = borrowing_environment(environment)
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile", wheel)
    return environment / "bin"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, in which the commands find nothing but what earlier ones left."""
    return tmp_path_factory.mktemp("empty")


@pytest.fixture(scope="session")
def trained(commands: Path, folder: Path) -> Path:
    """The run folder of a training on a few problems."""
    run(commands / "conself", "train", *SMALL, *QUICK, "hydra.run.dir=runs/trained", cwd=folder)
    return folder / "runs" / "trained"


def test_it_holds_all_modules_configs_and_data(wheel: Path) -> None:
    packages = {"conself": "conself", "conf": "conself/conf", "analysis": "conself_analysis"}
    expected = {
        f"{package}/{path.relative_to(ROOT / source)}"
        for source, package in packages.items()
        for path in (ROOT / source).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    assert held == expected
    assert "conself/py.typed" in held
    assert "conself/minipy/checkpoint/model.safetensors" in held
    assert "conself/minipy/checkpoint_roles/model.safetensors" in held
    assert f"Version: {conself.__version__}" in lines
    assert "License-Expression: Apache-2.0" in lines


def test_the_help_of_the_command_and_of_each_module(commands: Path, folder: Path) -> None:
    words = {
        "conself": [commands / "conself", "--help"],
        **{name: [commands / "python", "-m", f"conself.{name}", "--help"] for name in ("train", "score", "evaluate")},
        "report": [commands / "python", "-m", "conself.report", "--help"],
    }
    started = {
        name: subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for name, line in words.items()
    }
    shown = {name: process.communicate()[0] for name, process in started.items()}
    assert [process.returncode for process in started.values()] == [0] * 5, shown
    assert all(name in shown["conself"] for name in ("train", "score", "evaluate", "report", "status"))
    for name in ("train", "score", "evaluate"):
        assert "== Configuration groups ==" in shown[name]
        assert "metric: cluster_count, code_semantic_entropy" in shown[name] or name == "evaluate"
    assert shown["report"].startswith("usage: conself report runs=DIR")


def test_it_brings_the_launcher_of_slurm(commands: Path, folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="pip install 'conself[slurm]'")
    words = ("hydra/launcher=slurm", "hydra.launcher.account=us", "pool=pool.jsonl")
    shown = subprocess.run(
        [commands / "conself", "score", "--cfg", "hydra", "--package", "hydra.launcher", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert "_target_: hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher" in shown
    assert {"account: us", "partition: null", "timeout_min: 240", "gpus_per_node: 1", "array_parallelism: 16"} <= {
        *shown
    }


def test_train_reads_the_embedded_model(trained: Path) -> None:
    figures = json.loads((trained / "results.json").read_text())
    assert figures["benchmarks"]["minipy"]["tuned"]["n"] == 5
    assert figures["versions"]["conself"] == conself.__version__


def test_score_takes_a_part_of_ones_own(commands: Path, folder: Path) -> None:
    write_own_part(folder)
    run(commands / "conself", "score", *SCORE, "hydra.run.dir=runs/scored", cwd=folder)
    (row,) = map(json.loads, (folder / "scores" / "uncertainty.jsonl").read_text().splitlines())
    assert row["metrics"]["mine"] == 1.5  # of three candidates
    assert row["metrics"]["code_semantic_entropy"] == pytest.approx(math.log(3) - 2 / 3 * math.log(2))


def test_evaluate_judges_the_answers_as_the_training_did(commands: Path, folder: Path, trained: Path) -> None:
    tuned = trained / "artifacts" / "evaluate" / "minipy" / "tuned"
    rows = [row for path in tuned.glob("answers-*.parquet") for row in pq.read_table(path).to_pylist()]
    samples = [json.dumps({"task_id": row["problem_id"], "solution": row["code"] or ""}) for row in rows]
    (folder / "answers.jsonl").write_text("\n".join(samples))
    words = ["samples=answers.jsonl", "benchmark.minipy.size=5", "tracking=none", "executor.workers=1"]
    run(commands / "conself", "evaluate", *words, "hydra.run.dir=runs/evaluated", cwd=folder)
    ours = [json.loads(line) for line in (folder / "runs" / "evaluated" / "verdicts.jsonl").read_text().splitlines()]
    theirs = [json.loads(line) for line in (tuned / "verdicts.jsonl").read_text().splitlines()]
    assert [{key: row[key] for key in ("id", "difficulty", "passed")} for row in ours] == theirs


def test_report_shows_the_run(commands: Path, folder: Path, trained: Path) -> None:
    run(commands / "conself", "report", f"runs={trained}", "out=report", cwd=folder)
    assert "conself" in (folder / "report" / "report.html").read_text()
    assert list((folder / "report" / "problems").glob("*/*.html"))


@pytest.mark.slow
def test_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Third-party packages from an index, as pip resolves them, and no extra."""
    run(sys.executable, "-m", "venv", tmp_path / "environment")
    commands = tmp_path / "environment" / "bin"
    run(commands / "python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel)
    assert not (site_packages(tmp_path / "environment") / "matplotlib").exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    run(commands / "conself", "train", "size=smoke", "hydra.run.dir=run", cwd=empty)
    assert json.loads((empty / "run" / "results.json").read_text())["benchmarks"]["minipy"]["tuned"]["n"] == 60
    done = subprocess.run([commands / "conself", "report", "runs=run"], cwd=empty, capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stdout.splitlines()
    assert line.startswith("error: the report needs ")
    assert line.endswith("matplotlib, which the extra [report] brings: pip install 'conself[report]'")
    assert done.stderr == ""
