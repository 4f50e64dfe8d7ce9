"""A sweep whose trainings take two processes: a job each, and nothing started twice."""

import csv
import json
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Job, train_anew


@pytest.mark.slow
def test_a_sweep_on_two_devices_leaves_its_jobs_and_nothing_else(whole: Job, store: Path, tmp_path: Path) -> None:
    assert whole.status == 0, whole.output  # what the jobs below share is there
    before = set(ROOT.iterdir())
    words = (
        "training.runtime.devices=2",
        "training/strategy=fsdp",
        "benchmark.minipy.size=4",
        "max_pairs=32",
        "tracking=csv",
        "executor.workers=1",
    )
    sweep = train_anew(store, tmp_path / "sweep", "-m", "training.epochs=1,2", *words)
    assert sweep.status == 0, sweep.output
    assert sorted(path.name for path in (tmp_path / "sweep").iterdir()) == ["0", "1", "multirun.yaml"]
    assert list(tmp_path.iterdir()) == [tmp_path / "sweep"]
    assert not {path.name for path in set(ROOT.iterdir()) - before} & {"0", "1", "runs", "multirun", "outputs"}
    fits = []
    for epochs in (1, 2):
        folder = tmp_path / "sweep" / str(epochs - 1)
        results = json.loads((folder / "results.json").read_text())
        assert (results["training"]["steps"], results["training"]["n_pairs"]) == (2 * epochs, 32)
        with (folder / "csv" / "metrics.csv").open() as file:
            assert [row["step"] for row in csv.DictReader(file)] == [str(step) for step in range(2 * epochs)]
        fits.append(results["artifacts"]["fit"])
        assert (store / "fit" / fits[-1] / "adapter" / "adapter_model.safetensors").is_file()
    assert len(set(fits)) == 2
