"""The three dashboards, by what they leave on disk."""

import csv
import json
import warnings
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from conself.tracking import CsvTracker, NoTracker, Tracker, WandbTracker

CURVE = [{"train/loss": 0.7, "train/accuracy": 0.5}, {"train/loss": 0.6, "train/accuracy": 0.75}]


def job(tracker: Tracker, folder: Path) -> None:
    tracker.start(folder, OmegaConf.create({"tau": 0.3}))
    tracker.replay(CURVE)
    tracker.summarise({"metrics/nll/auc": 0.8})
    tracker.finish(failed=False)


def test_csv_holds_config_curve_and_figures(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        job(CsvTracker(), tmp_path)
    assert json.loads((tmp_path / "csv" / "config.json").read_text()) == {"tau": 0.3}
    with (tmp_path / "csv" / "metrics.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["step"], row["train/loss"]) for row in rows] == [("0", "0.7"), ("1", "0.6")]
    with (tmp_path / "csv" / "summary.csv").open() as handle:
        assert list(csv.reader(handle)) == [["figure", "value"], ["metrics/nll/auc", "0.8"]]


def test_csv_refuses_figures_of_a_run_that_was_not_opened() -> None:
    with pytest.raises(RuntimeError, match="open the run first"):
        CsvTracker().summarise({})


def test_none_leaves_nothing(tmp_path: Path) -> None:
    job(NoTracker(), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert NoTracker().training_logger() is None


def test_wandb_opens_one_offline_run_per_job(tmp_path: Path) -> None:
    tracker = WandbTracker(project="test", mode="offline")
    for name in ("0", "1"):
        (tmp_path / name).mkdir()
        job(tracker, tmp_path / name)
    for name in ("0", "1"):
        (folder,) = (tmp_path / name / "wandb").glob("offline-run-*")
        (record,) = folder.glob("*.wandb")
        content = record.read_bytes()
        for word in (b"metrics/nll/auc", b"train/loss", b"tau"):
            assert word in content


def test_wandb_refuses_an_unknown_mode(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="offline, online or disabled, got 'of'"):
        WandbTracker(project="test", mode="of").start(tmp_path, OmegaConf.create({}))
