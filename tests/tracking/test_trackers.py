"""CSV files, TensorBoard and nothing, by what they leave on disk."""

import csv
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from conself.tracking.csv_tracker import CsvTracker
from conself.tracking.no_tracker import NoTracker
from conself.tracking.tensorboard_tracker import TensorBoardTracker, markdown
from tests.tracking.jobs import run_one


def rows(path: Path) -> list[list[str]]:
    with path.open() as handle:
        return list(csv.reader(handle))


def test_csv_holds_config_curves_figures_and_tables(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_one(CsvTracker(), tmp_path)
    root = tmp_path / "csv"
    assert json.loads((root / "config.json").read_text())["tau"] == 0.3
    job = {"kind": "train", "name": "defaults", "group": tmp_path.parent.name, "tags": ["conself", "minipy"]}
    assert json.loads((root / "job.json").read_text()) == job
    with (root / "metrics.csv").open() as handle:
        curve = list(csv.DictReader(handle))
    assert [(row["step"], row["train/loss"], row["round2/train/loss"]) for row in curve] == [
        ("0", "0.7", ""),
        ("1", "0.6", ""),
        ("0", "", "0.6"),
    ]
    summary = rows(root / "summary.csv")
    assert summary[0] == ["figure", "value"]
    assert ["metrics/nll/auc", "0.3"] in summary
    assert rows(root / "tables" / "metrics.csv")[1] == [
        *("nll", "8", "0.3", "-0.5", "0.01", "", "", "-0.25", "0.5", "2: too few")
    ]
    bins = rows(root / "uncertainty.csv")
    assert bins[0] == ["low", "high", "count"]
    assert [(float(low), int(count)) for low, _, count in bins[1:] if count != "0"] == [(0, 1), (0.5, 2), (0.96875, 1)]
    assert rows(root / "artifacts.csv")[1][:3] == ["fit", "fit", "ab" * 32]


def test_each_job_of_a_sweep_has_its_own_csv_figures(tmp_path: Path) -> None:
    tracker = CsvTracker()
    for number, tau in enumerate((0.1, 0.3)):
        run_one(tracker, tmp_path / str(number), tau)
    for number, tau in enumerate((0.1, 0.3)):
        assert ["metrics/nll/auc", str(tau)] in rows(tmp_path / str(number) / "csv" / "summary.csv")
        assert len(rows(tmp_path / str(number) / "csv" / "metrics.csv")) == 4


def test_a_job_in_the_folder_of_an_earlier_one_leaves_its_own_files_alone(tmp_path: Path) -> None:
    run_one(CsvTracker(), tmp_path, 0.1)
    run_one(CsvTracker(), tmp_path, 0.3, failed=True)
    assert len(rows(tmp_path / "csv" / "metrics.csv")) == 4
    assert not (tmp_path / "csv" / "summary.csv").exists()
    assert not (tmp_path / "csv" / "tables").exists()


def test_summaries_add_up(tmp_path: Path) -> None:
    tracker = CsvTracker()
    tracker.start(tmp_path, OmegaConf.create({}))
    tracker.summarise({"a": 1.0})
    tracker.summarise({"b": 2.0})
    assert rows(tmp_path / "csv" / "summary.csv")[1:] == [["a", "1.0"], ["b", "2.0"]]


def test_csv_refuses_figures_of_a_run_that_was_not_opened() -> None:
    with pytest.raises(RuntimeError, match="open the run first"):
        CsvTracker().summarise({})


def test_none_leaves_nothing(tmp_path: Path) -> None:
    assert run_one(NoTracker(), tmp_path / "job") == ""
    assert [path.name for path in (tmp_path / "job").iterdir()] == ["store"]
    assert NoTracker().training_logger() is None


def events(folder: Path) -> Any:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reader.EventAccumulator(str(folder), size_guidance={"tensors": 0, "histograms": 0})
    found.Reload()
    return found


def text(found: Any, name: str) -> str:
    return bytes(found.Tensors(f"{name}/text_summary")[0].tensor_proto.string_val[0]).decode()


def test_tensorboard_holds_config_curves_figures_and_tables(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    tracker = TensorBoardTracker()
    for number, tau in enumerate((0.1, 0.3)):
        line = run_one(tracker, tmp_path / str(number), tau, overrides=(f"tau={tau}",))
        assert line == f"dashboard: tensorboard --logdir {tmp_path}"
    for number, tau in enumerate((0.1, 0.3)):
        folder = tmp_path / str(number) / "tensorboard"
        found = events(folder)
        assert [(e.step, round(e.value, 6)) for e in found.Scalars("train/loss")] == [(0, 0.7), (1, 0.6)]
        assert [(e.step, round(e.value, 6)) for e in found.Scalars("round2/train/loss")] == [(0, 0.6)]
        assert [e.value for e in found.Scalars("metrics/nll/auc")] == [pytest.approx(tau)]
        assert [e.value for e in found.Scalars("benchmarks/minipy/tuned/pass@1")] == [0.5]
        assert f"| nll | 8 | {tau} |" in text(found, "tables/metrics")
        assert "ab" * 32 in text(found, "artifacts")
        assert f"tau: {tau}" in text(found, "config")
        assert text(found, "job") == f"train: tau={tau}"
        (event,) = found.Histograms("uncertainty")
        assert event.histogram_value.num == 4
        assert OmegaConf.load(folder / "hparams.yaml").tau == tau
        hparams = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        assert b"tau" in hparams


def test_a_failed_job_leaves_its_curve_in_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    tracker = TensorBoardTracker()
    run_one(tracker, tmp_path, failed=True)
    assert len(events(tmp_path / "tensorboard").Scalars("train/loss")) == 2
    assert tracker.finish(failed=True) is None


def test_a_job_in_the_folder_of_an_earlier_one_is_one_run_of_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run_one(TensorBoardTracker(), tmp_path, 0.1)
    run_one(TensorBoardTracker(), tmp_path, 0.3, failed=True)
    assert len(list((tmp_path / "tensorboard").glob("events.*"))) == 1
    assert [event.step for event in events(tmp_path / "tensorboard").Scalars("train/loss")] == [0, 1]
    assert "tables/metrics/text_summary" not in events(tmp_path / "tensorboard").Tags()["tensors"]


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ValueError, match="pip install tensorboard, or choose tracking=csv"):
        TensorBoardTracker().start(tmp_path, OmegaConf.create({}))


def test_markdown_by_hand() -> None:
    assert markdown(("a|b", "n"), [["x|y", 0.123456], [None, 3]]) == (
        "| a|b | n |\n| --- | --- |\n| x\\|y | 0.1235 |\n|  | 3 |"
    )
