"""One round, from outside: figures, files, sharing between jobs of a sweep, and survival of kill -9."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from peft import PeftConfig
from transformers import AutoModelForCausalLM, AutoTokenizer

from conself.records import Candidate, PreferencePair, Problem
from conself.store.tables import read_records
from tests.e2e.conftest import ROOT, Job, command, environment, start, train, train_anew
from tests.e2e.preloaded import preloaded

METRICS = {"code_semantic_entropy", "crash_rate", "token_entropy", "nll", "naive_semantic_entropy"}
METRICS |= {"partial_semantic_entropy", "partial_semantic_entropy_silent", "trace_disagreement", "kappa_disagreement"}
METRICS |= {"output_entropy", "pairwise_disagreement", "winner_doubt", "cluster_count", "joint_uncertainty"}


def figures(results: dict[str, Any]) -> dict[str, Any]:
    """Everything but what may differ between two runs: the time taken."""
    return {key: value for key, value in results.items() if key not in ("seconds", "peak_memory")}


def test_results_have_the_shape_of_the_design(whole: Job) -> None:
    results = whole.results
    assert set(results["problems"]) == {"total", "eligible", "kept", "dropped"}
    assert results["problems"]["total"] == 60
    assert set(results["metrics"]) == METRICS
    for row in results["metrics"].values():
        assert set(row) == {"n", "undefined", "auc", "pearson", "spearman", "kendall"}
    benchmark = results["benchmarks"]["minipy"]
    assert set(benchmark) == {"base", "tuned", "relative_improvement", "difference", "fixed", "broken", "p", "test"}
    low, high = benchmark["base"]["ci95"]
    assert low <= benchmark["base"]["pass@1"] <= high
    assert benchmark["base"]["n"] == benchmark["tuned"]["n"] == 60
    difference = benchmark["tuned"]["pass@1"] - benchmark["base"]["pass@1"]
    assert difference == pytest.approx((benchmark["fixed"] - benchmark["broken"]) / 60)
    assert set(results["seconds"]) == set(results["artifacts"])
    assert {"sample", "execute", "fit"} <= set(results["peak_memory"]) <= set(results["artifacts"])
    assert all(5e7 < peak < 2e10 for peak in results["peak_memory"].values())
    assert {"problems", "sample", "execute", "select", "pair", "fit"} <= set(results["artifacts"])


def test_the_page_of_the_run_folder_describes_every_figure(whole: Job) -> None:
    """docs/run-folder.md names the keys of results.json, and those of a benchmark's entry."""
    page = (ROOT / "docs" / "run-folder.md").read_text()
    results = whole.results
    keys = set(results) | set(results["benchmarks"]["minipy"]) | set(results["benchmarks"]["minipy"]["base"])
    assert sorted(key for key in keys if f"`{key}`" not in page) == []


def test_every_problem_is_accounted_for(whole: Job, store: Path) -> None:
    """Kept or dropped with a reason: the counts add up, and they are those of the tables."""
    results = whole.results
    problems, pairs = results["problems"], results["artifacts"]["pair"]
    used = {p.problem_id for p in read_records(store / "pair" / pairs, PreferencePair, "pairs")}
    assert len(used) + sum(problems["dropped"].values()) == problems["total"]
    stored = read_records(store / "problems" / results["artifacts"]["problems"], Problem, "problems")
    assert len(stored) == problems["total"]


def test_the_table_shows_the_figures(whole: Job) -> None:
    benchmark = whole.results["benchmarks"]["minipy"]
    assert f"{benchmark['base']['pass@1']:.3f}" in whole.output
    assert f"{benchmark['tuned']['pass@1']:.3f}" in whole.output
    for name in METRICS:
        assert name in whole.output


def test_the_adapter_is_a_peft_folder(whole: Job, store: Path) -> None:
    folder = store / "fit" / whole.results["artifacts"]["fit"] / "adapter"
    assert (folder / "adapter_model.safetensors").is_file()
    assert PeftConfig.from_pretrained(str(folder)).r == 16


@pytest.mark.slow
def test_all_weights_are_trained_saved_and_evaluated(whole: Job, store: Path, tmp_path: Path) -> None:
    """At a rate for weights; the recipe's is for LoRA's factors. A head that is trained has a reference of its own."""
    full = train(store, tmp_path, "training=full", "training.learning_rate=1e-4", "tracking=none").results
    made = store / "fit" / full["artifacts"]["fit"]
    assert not (made / "adapter").exists()
    model = AutoModelForCausalLM.from_pretrained(made / "model")
    assert model.num_parameters() > 500_000
    assert len(AutoTokenizer.from_pretrained(made / "model")) > 100
    assert full["training"] == whole.results["training"]
    assert full["artifacts"]["evaluate/minipy/tuned"] != whole.results["artifacts"]["evaluate/minipy/tuned"]
    tuned = full["benchmarks"]["minipy"]["tuned"]["pass@1"]
    assert tuned > 0.5 * full["benchmarks"]["minipy"]["base"]["pass@1"]
    heads = [json.loads(path.read_text())["head"] for path in store.glob("reference/[0-9a-f]*/manifest.json")]
    assert set(heads) == {"frozen", "other"}
    assert heads.count("other") == 1, "this training's alone; models of later rounds have tables of their own"


def test_a_merged_model_answers_as_its_adapter_does(whole: Job, store: Path, tmp_path: Path) -> None:
    job = train(store, tmp_path, "training.export=merged", "tracking=none")
    merged = job.results
    assert re.search(rf"^fit +reused .*{whole.results['artifacts']['fit'][:12]}$", job.output, re.M), (
        "nothing is trained"
    )
    assert re.search(rf"^fit +done .*{merged['artifacts']['fit'][:12]}$", job.output, re.M)
    made, before = (store / "fit" / results["artifacts"]["fit"] for results in (merged, whole.results))
    assert {path.name for path in made.iterdir()} - {path.name for path in before.iterdir()} == {"model"}
    weights = [(folder / "adapter" / "adapter_model.safetensors").read_bytes() for folder in (made, before)]
    assert weights[0] == weights[1]
    assert merged["benchmarks"] == whole.results["benchmarks"]


def test_training_texts_carry_no_observation(whole: Job, store: Path) -> None:
    """Pairs hold the direct prompt, whatever hint a candidate was sampled under (docs/method.md#pairs)."""
    for pair in read_records(store / "pair" / whole.results["artifacts"]["pair"], PreferencePair, "pairs"):
        assert "Hint:" not in pair.prompt
    drawn = read_records(store / "sample" / whole.results["artifacts"]["sample"], Candidate, "candidates")
    assert any(candidate.observation for candidate in drawn)


def test_wandb_run_is_on_disk_without_an_account(whole: Job) -> None:
    assert len(list(whole.folder.glob("wandb/offline-run-*/run-*.wandb"))) == 1


def test_same_command_again_reuses_everything(whole: Job, store: Path, tmp_path: Path) -> None:
    again = train(store, tmp_path / "again")
    assert figures(again.results) == figures(whole.results)
    stages = re.findall(r"^(\S+) +(done|reused) +[\d.]+ s  [0-9a-f]{12}$", again.output, re.M)
    assert len(stages) > 20
    assert {how for _, how in stages} == {"reused"}


@pytest.mark.slow
def test_workers_and_batch_size_change_no_figure(whole: Job, tmp_path: Path) -> None:
    other = train_anew(tmp_path / "store", tmp_path / "run", "executor.workers=2", "engine.runtime.batch_size=64")
    assert figures(other.results) == figures(whole.results)


def test_a_sweep_over_tau_samples_once_and_opens_one_run_per_job(whole: Job, store: Path, tmp_path: Path) -> None:
    sweep = train(store, tmp_path / "sweep", "-m", "tau=0.7,0.9", "training.epochs=1")
    assert sweep.status == 0, sweep.output
    jobs = [json.loads((tmp_path / "sweep" / str(i) / "results.json").read_text()) for i in (0, 1)]
    shared = ("problems", "sample", "execute", "score/code_semantic_entropy", "evaluate/minipy/base")
    for stage in shared:
        assert {job["artifacts"][stage] for job in jobs} == {whole.results["artifacts"][stage]}
    assert len({job["artifacts"]["select"] for job in jobs} | {whole.results["artifacts"]["select"]}) == 3
    assert [len(list((tmp_path / "sweep" / str(i)).glob("wandb/offline-run-*"))) for i in (0, 1)] == [1, 1]


def descendants_gone(pids: set[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)


def kill_within(stage: str, number: int, artifacts: Path, folder: Path, file: str = "", *overrides: str) -> None:
    """Start the job, and kill -9 its main process while the ``number``-th artifact of a stage is being made.

    Where ``file`` is given, it happens as soon as a file of that pattern is there, but no manifest.
    """
    job = psutil.Process(start(command(artifacts, folder, "tracking=none", *overrides), Path(os.devnull)))
    deadline = time.monotonic() + 120
    while not list(artifacts.glob(f"{stage}/.*.partial/{file}")) or finished(artifacts, stage) < number:
        assert job.status() != psutil.STATUS_ZOMBIE, f"the job ended before {stage} was seen"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    children = {child.pid for child in job.children(recursive=True)}
    job.kill()
    assert preloaded().wait(job.pid, seconds=60) == -signal.SIGKILL
    assert list(artifacts.glob(f"{stage}/.*.partial")), f"{stage} had ended before it could be killed"
    while not descendants_gone(children):
        assert time.monotonic() < deadline, "a killed run leaves processes behind"
        time.sleep(0.05)


def finished(artifacts: Path, stage: str) -> int:
    return len(list(artifacts.glob(f"{stage}/[0-9a-f]*/manifest.json")))


def die_before(stage: str, name: str, artifacts: Path, folder: Path) -> None:
    """Run the job until a file of a stage is about to get its final name; kill -9 then (tests/e2e/dying.py)."""
    python, _, *words = command(artifacts, folder, "tracking=none")
    job = start([python, "-m", "tests.e2e.dying", stage, name, *words], Path(os.devnull))
    assert preloaded().wait(job, seconds=120) == -signal.SIGKILL


def contents(artifacts: Path) -> dict[str, Any]:
    """Every file of a store's artifacts by its path; but for times, and for what an earlier, killed run had drawn."""
    found: dict[str, Any] = {}
    for path in artifacts.glob("*/[0-9a-f]*/**/*"):
        if path.name == "manifest.json":
            manifest = json.loads(path.read_text())
            for name in ("seconds", "drawn_before"):
                manifest.get("summary", {}).pop(name, None)
            found[str(path.relative_to(artifacts))] = manifest
        elif path.is_file() and path.suffix != ".drawn_before":
            found[str(path.relative_to(artifacts))] = path.read_bytes()
    return found


def test_killed_in_each_kind_of_stage_it_ends_with_the_same_bytes(whole: Job, store: Path, tmp_path: Path) -> None:
    """Shards by workers, a journal, a single file, checkpoints: each killed once, in one store, then left to finish."""
    artifacts = tmp_path / "store"
    kill_within("sample", 0, artifacts, tmp_path / "run0")
    kill_within("execute", 0, artifacts, tmp_path / "run1")
    die_before("select", "selection.json", artifacts, tmp_path / "run2")
    kill_within("fit", 0, artifacts, tmp_path / "run3", "checkpoints/step-*", "training.runtime.checkpoint_share=1")
    last = train_anew(artifacts, tmp_path / "last", "tracking=none")
    assert figures(last.results) == figures(whole.results)
    made = contents(artifacts)
    assert len(made) > 50
    assert {path: content for path, content in contents(store).items() if path in made} == made


@pytest.mark.slow
def test_killed_in_every_stage_it_ends_with_the_same_bytes(whole: Job, tmp_path: Path) -> None:
    """One store, killed in each stage in turn, then left to finish. What was finished before is never made again."""
    artifacts = tmp_path / "store"
    kills = [
        lambda folder: die_before("problems", "manifest.json", artifacts, folder),
        lambda folder: kill_within("sample", 0, artifacts, folder),
        lambda folder: kill_within("execute", 0, artifacts, folder),
        lambda folder: kill_within("score", 4, artifacts, folder),
        lambda folder: die_before("select", "selection.json", artifacts, folder),
        lambda folder: die_before("pair", "folder", artifacts, folder),
        lambda folder: kill_within("evaluate", 0, artifacts, folder),
        lambda folder: kill_within(
            "fit", 0, artifacts, folder, "checkpoints/step-*", "training.runtime.checkpoint_share=1"
        ),
        lambda folder: kill_within("evaluate", 1, artifacts, folder),
    ]
    made: dict[Path, int] = {}
    for position, kill in enumerate(kills):
        kill(tmp_path / f"run{position}")
        now = {path: path.stat().st_mtime_ns for path in artifacts.glob("*/[0-9a-f]*/manifest.json")}
        assert made.items() <= now.items()
        made = now
    last = train(artifacts, tmp_path / "last", "tracking=none")
    assert figures(last.results) == figures(whole.results)
    uninterrupted = train(tmp_path / "other", tmp_path / "whole", "tracking=none")
    assert figures(uninterrupted.results) == figures(whole.results)
    assert contents(artifacts) == contents(tmp_path / "other")


@pytest.mark.slow
def test_killed_while_sampling_it_keeps_the_finished_shards(whole: Job, tmp_path: Path) -> None:
    artifacts = tmp_path / "store"
    job = subprocess.Popen(command(artifacts, tmp_path / "run"), cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (shards := list(artifacts.glob("sample/.*.partial/candidates-*.parquet"))):
        assert job.poll() is None, "the job ended before a shard was seen"
        assert time.monotonic() < deadline, "no shard was ever seen"
        time.sleep(0.005)
    os.kill(job.pid, signal.SIGKILL)
    job.wait(timeout=60)
    before = {path.name: path.stat().st_mtime_ns for path in shards}
    last = train(artifacts, tmp_path / "last")
    finished = artifacts / "sample" / last.results["artifacts"]["sample"]
    assert {name: (finished / name).stat().st_mtime_ns for name in before} == before
    assert figures(last.results) == figures(whole.results)
