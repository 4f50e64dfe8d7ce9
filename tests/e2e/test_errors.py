"""Bad input ends in one line that names cause and remedy, and in nothing lost."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Job, train

CALL = {"statement": "Add one.", "starter_code": "def f(n):", "entry_point": "f", "inputs": [[1], [2]]}


def error_line(job: Job) -> str:
    """The last line of a job that failed for a reason of the user's making."""
    assert job.status == 2, job.output
    assert "Traceback" not in job.output
    (line,) = [line for line in job.output.splitlines() if line.startswith("error:")]
    return line


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("tau=1.3", ["tau must lie in (0, 1], got 1.3; see METHOD Eq. 3", "curriculum"]),
        ("model.name=./no/such/model", ["'./no/such/model' does not exist", "set model.name"]),
        ("tau=1e-9", ["keeps no problem", "runs from", "tau above"]),
        ("metric.min_alive=99", ["no problem has a defined uncertainty"]),
        ("runtime.workers=0", ["workers must be at least 1, got 0"]),
        ("curriculum=all_problems max_pairs=0", ["max_pairs must be at least 1"]),
    ],
)
@pytest.mark.usefixtures("whole")
def test_wrong_setting(override: str, words: list[str], store: Path, tmp_path: Path) -> None:
    line = error_line(train(store, tmp_path / "run", *override.split()))
    for word in words:
        assert word in line


def test_unknown_choice_lists_the_choices(store: Path, tmp_path: Path) -> None:
    job = train(store, tmp_path / "run", "curriculum=hardest")
    assert job.status != 0
    assert "all_problems" in job.output
    assert "entropy_band" in job.output
    assert "Traceback" not in job.output


def test_unknown_key_is_named(store: Path, tmp_path: Path) -> None:
    assert "full_key: curriculum" in error_line(train(store, tmp_path / "run", "+curriculum.tua=1"))


def test_data_set_without_a_usable_problem(store: Path, tmp_path: Path) -> None:
    rows = [{**CALL, "statement": " "}, {**CALL, "inputs": []}, {"statement": "No inputs."}]
    (tmp_path / "bad.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\nnot json\n")
    job = train(store, tmp_path / "run", "dataset=jsonl", f"dataset.path={tmp_path}/bad.jsonl", "~dataset.size")
    line = error_line(job)
    assert "no usable problem" in line
    assert "1 with empty statement" in line
    assert "1 with no inputs" in line
    assert "line 3: missing inputs" in job.output
    assert "line 4" in job.output


def test_full_disk_keeps_what_was_done(tmp_path: Path) -> None:
    """No file may grow beyond 24 KiB: the kernel refuses in the middle of the run, then the limit is lifted."""
    limited = train(tmp_path / "store", tmp_path / "run", "logger=none", prefix=("prlimit", "--fsize=24576"))
    assert "no space left for the artifacts of stage" in error_line(limited)
    done = {path.parent: path.stat().st_mtime_ns for path in (tmp_path / "store").glob("*/*/manifest.json")}
    assert done, "the stages before are on disk"
    assert train(tmp_path / "store", tmp_path / "again", "logger=none").status == 0
    assert {folder: (folder / "manifest.json").stat().st_mtime_ns for folder in done} == done


@pytest.mark.usefixtures("whole")
def test_one_bad_job_does_not_end_a_sweep(store: Path, tmp_path: Path) -> None:
    job = train(store, tmp_path / "sweep", "-m", "tau=1.3,1.0", "logger=none")
    assert job.status != 0
    assert "tau must lie in (0, 1], got 1.3" in job.output
    assert (tmp_path / "sweep" / "1" / "results.json").is_file()


@pytest.mark.usefixtures("whole")
def test_full_disk_while_the_adapter_is_saved(store: Path, tmp_path: Path) -> None:
    """The adapter is the one file of the job that is larger than 150 KiB."""
    words = ("tau=0.95", "logger=none")
    limited = train(store, tmp_path / "run", *words, prefix=("prlimit", "--fsize=153600"))
    assert "no space left for the artifacts of stage 'fit'" in error_line(limited)
    assert train(store, tmp_path / "again", *words).status == 0
