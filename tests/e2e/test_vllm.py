"""``experiment=smoke_vllm``: a whole round through the real vLLM engine, and sampling that is killed and goes on."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from conself.records import Candidate
from conself.store.tables import read_records
from tests.e2e.conftest import ROOT, command, environment, train_anew

pytest.importorskip("vllm", reason="vLLM is not installed; `make test` installs it for CPUs")

SHARED = ROOT.parent / "shared" / "data" / "HumanEval.jsonl.gz"
FIXTURE = ROOT / "tests" / "datasets" / "fixtures" / "humaneval.jsonl"
HUMANEVAL = SHARED if SHARED.is_file() else FIXTURE
LONGER = ("dataset.size=150", "engine.runtime.max_num_seqs=64")
SMOKE = ("experiment=smoke_vllm", "tracking=none", f"benchmark.humaneval.dataset.path={HUMANEVAL}")


@pytest.mark.slow
def test_a_whole_round_through_vllm(tmp_path: Path) -> None:
    results = train_anew(tmp_path / "store", tmp_path / "run", *SMOKE).results
    assert set(results["benchmarks"]) == {"minipy", "humaneval"}
    humaneval, minipy = results["benchmarks"]["humaneval"], results["benchmarks"]["minipy"]
    assert humaneval["base"]["n"] == humaneval["tuned"]["n"] == (164 if SHARED.is_file() else 3)
    assert 0.3 < minipy["base"]["pass@1"] < 0.7, "the embedded model answers its own kind of problem"
    assert minipy["tuned"]["pass@1"] > 0.3
    assert results["pairs"] > 20
    for name in ("token_entropy", "nll"):
        assert results["metrics"][name]["n"] == 60, "vLLM gives log-probs"


def drawn(folder: Path) -> list[tuple[str, int, str]]:
    return [(c.problem_id, c.index, c.text) for c in read_records(folder, Candidate, "candidates")]


def sampled_until(pattern: str, artifacts: Path, folder: Path) -> list[Path]:
    """Run the job until files of its sampling are there, then kill -9 it; none of its processes may live on."""
    job = subprocess.Popen(
        command(artifacts, folder, *SMOKE, *LONGER), cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 240
    while not (found := list(artifacts.glob(f"sample/{pattern}"))):
        assert job.poll() is None, f"the job ended before {pattern} was seen"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    children = psutil.Process(job.pid).children(recursive=True)
    os.kill(job.pid, signal.SIGKILL)
    job.wait(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE], "a killed run leaves processes behind"
    return found


@pytest.mark.slow
def test_killed_while_sampling_it_leaves_nothing_behind_and_goes_on(tmp_path: Path) -> None:
    artifacts, other = tmp_path / "store", tmp_path / "other"
    shards = sampled_until(".*.partial/candidates-*.parquet", artifacts, tmp_path / "run")
    before = {path.name: path.stat().st_mtime_ns for path in shards}
    assert len(before) < 3, "a shard was still to be drawn"
    (manifest,) = sampled_until("[0-9a-f]*/manifest.json", artifacts, tmp_path / "again")
    assert {name: (manifest.parent / name).stat().st_mtime_ns for name in before} == before
    (uninterrupted,) = sampled_until("[0-9a-f]*/manifest.json", other, tmp_path / "whole")
    assert drawn(manifest.parent) == drawn(uninterrupted.parent)
