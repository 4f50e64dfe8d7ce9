"""``experiment=select_tau``: one command from a sweep to the choice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, environment


@pytest.mark.slow
@pytest.mark.usefixtures("whole")
def test_select_tau_in_one_command(store: Path, tmp_path: Path) -> None:
    words = ["dataset.size=60", "benchmark.minipy_validation.size=40", "sampler.programs_per_observation=2"]
    words += [
        "tracking=none",
        "executor.workers=1",
        f"artifacts={store}",
        f"hydra.sweep.dir={tmp_path}",
        "tau=1e-9,0.7,1.0",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "conself.train", "-m", "experiment=select_tau", *words],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, "a job has failed: no problem lies below 1e-9"
    choice = json.loads((tmp_path / "tau.json").read_text())
    assert choice["failed"] == ["job 0 (tau 1e-09, seed 0)"]
    figures = {p["tau"]: p["pass@1"] for p in choice["curve"]}
    assert list(figures) == [0.7, 1.0]
    for number, tau in ((1, 0.7), (2, 1.0)):
        results = json.loads((tmp_path / str(number) / "results.json").read_text())
        assert list(results["benchmarks"]) == ["minipy_validation"], "no benchmark is read while choosing"
        assert results["benchmarks"]["minipy_validation"]["tuned"]["pass@1"] == figures[tau]
    assert choice["tau"] == (0.7 if figures[0.7] >= figures[1.0] else 1.0)
    assert f"tau = {choice['tau']:g} (minipy_validation" in done.stdout
    assert f"train with it: python -m conself.train tau={choice['tau']:g} dataset.size=60" in done.stdout
    assert (tmp_path / "tau.md").is_file()
    assert (tmp_path / "tau.csv").is_file()
