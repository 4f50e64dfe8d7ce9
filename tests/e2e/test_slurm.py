"""Sweeps as jobs of SLURM: what is submitted, and what becomes of a job whose time is up."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import ROOT, environment
from tests.e2e.fake_slurm import install
from tests.e2e.test_score_killed import CLOCK

pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="pip install 'conself[slurm]'")


def pool(path: Path, tag: str, count: int) -> Path:
    """Problems whose programs tell the time, so that it shows when they ran."""
    candidates = [{"code": f"{CLOCK}# {tag} {k}"} for k in range(3)]
    problem = {"entry_point": "f", "inputs": [[0]], "candidates": candidates}
    path.write_text("".join(json.dumps({"id": f"{tag}{i}", **problem}) + "\n" for i in range(count)))
    return path


def submitted(folder: Path) -> list[psutil.Process]:
    """The processes that run jobs of the sweep in this folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "submitit.core._submit" in words and any(str(folder) in word for word in words):
            found.append(process)
    return found


@pytest.mark.slow
@pytest.mark.alone
def test_a_job_whose_time_is_up_is_put_into_the_queue_again_and_goes_on(tmp_path: Path) -> None:
    slurm, store, sweep = tmp_path / "slurm", tmp_path / "store", tmp_path / "sweep"
    first, second = pool(tmp_path / "a.jsonl", "a", 20), pool(tmp_path / "b.jsonl", "b", 2)
    words = [f"pool={first},{second}", f"artifacts={store}", f"hydra.sweep.dir={sweep}", "executor.workers=1"]
    words += ["hydra/launcher=slurm", "hydra.launcher.account=us", "hydra.launcher.partition=big"]
    words += ["hydra.launcher.timeout_min=1", "hydra.launcher.array_parallelism=5", "hydra.launcher.gpus_per_node=2"]
    env = {**environment(), "PATH": f"{install(slurm)}:{os.environ['PATH']}"}
    job = subprocess.Popen(
        [sys.executable, "-m", "conself.score", "-m", *words],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 500
    while not any(path.stat().st_size > 3000 for path in store.glob("execute/.*.partial/*.journal")):
        assert job.poll() is None, job.stdout and job.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    told = time.time()
    for process in submitted(sweep):  # all processes of a step are told
        for each in [*process.children(recursive=True), process]:
            each.send_signal(signal.SIGUSR2)
    said, _ = job.communicate(timeout=900)
    assert job.returncode == 0, said
    script = (slurm / "script").read_text()
    for line in ("--account=us", "--partition=big", "--time=1", "--gpus-per-node=2", "--array=0-1%2"):
        assert f"#SBATCH {line}\n" in script
    assert re.search(r"#SBATCH --signal=USR2@\d+\n", script)
    assert "7_0" in (slurm / "requeued").read_text().split()
    for number, count in ((0, 20), (1, 2)):
        rows = [json.loads(line) for line in (sweep / str(number) / "outcomes.jsonl").read_text().splitlines()]
        assert len(rows) == count
        times = [[float(json.loads(cells[0][1])["f"]) for cells in row["rows"]] for row in rows]
        if number == 0:
            assert 2 <= sum(max(each) < told for each in times) < count, "what was done before is kept, and not all was"
    assert len(list(store.glob("execute/*/manifest.json"))) == 2


def test_without_the_launcher_one_line_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from conself import train
    from conself.app import extras

    monkeypatch.setattr(extras, "_is_there", lambda _package: False)
    monkeypatch.setattr("sys.argv", ["train", "-m", "hydra/launcher=slurm", "tau=0.5"])
    with pytest.raises(SystemExit) as ended:
        train.main()
    assert ended.value.code == 2
    assert capsys.readouterr().out == (
        "error: hydra/launcher=slurm needs hydra_submitit_launcher, which is not installed: "
        "pip install 'conself[slurm]'\n"
    )
