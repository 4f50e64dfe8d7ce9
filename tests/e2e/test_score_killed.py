"""``conself.score``, killed in the middle of execution."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.conftest import ROOT
from tests.e2e.test_score_command import rows, scored, write

CLOCK = """
import time
def f(x):
    while time.process_time() < 0.2:
        pass
    return time.time()
"""


def test_a_killed_job_goes_on_from_the_problems_that_it_finished(tmp_path: Path) -> None:
    """Programs tell the time, so that it shows when they ran."""
    problem = {"entry_point": "f", "inputs": [[0]], "candidates": [{"code": f"{CLOCK}# {k}"} for k in range(3)]}
    pool = write(tmp_path / "pool.jsonl", [{"id": f"p{i}", **problem} for i in range(16)])
    words = [f"pool={pool}", f"artifacts={tmp_path}/store", f"hydra.run.dir={tmp_path}/run", "executor.workers=1"]
    job = subprocess.Popen([sys.executable, "-m", "conself.score", *words], cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    sizes: set[int] = set()
    while len(sizes) < 4:  # empty, and some problems
        assert job.poll() is None, "the job ended before it could be killed"
        assert time.monotonic() < deadline
        sizes |= {path.stat().st_size for path in (tmp_path / "store").glob("execute/.*.partial/*.journal")}
        time.sleep(0.01)
    os.kill(job.pid, signal.SIGKILL)
    job.wait(timeout=60)
    killed = time.time()
    assert not (tmp_path / "run" / "outcomes.jsonl").exists()
    scored(tmp_path / "run", tmp_path / "store", pool)
    found = rows(tmp_path / "run" / "outcomes.jsonl")
    when = [[float(json.loads(cells[0][1])["f"]) for cells in row["rows"]] for row in found.values()]
    before = [max(times) < killed for times in when]
    assert 2 <= sum(before) < 16
    assert all(min(times) > killed for times, early in zip(when, before, strict=True) if not early)
