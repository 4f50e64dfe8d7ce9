"""A store's programs as a file, with the verdicts of the data set's tests, and how `conself.score` reads it."""

import csv
import gzip
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.measures import trained
from analysis.runs import read_runs
from conself.pool_files.file import read_pool
from conself.records import Candidate, Problem
from conself.store.tables import write_records
from experiments.real_backbone import grid, pool
from tests.analysis.run_folders import write_run
from tests.datasets.writing import write_lines

ROW = {
    "task_id": "Mbpp/900",
    "text": "Write a function to double a number.",
    "prompt": "def twice(x):\n    '''\n    Write a function to double a number.\n    '''\n",
    "entry_point": "twice",
    "solution": "def twice(x):\n    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(3) == 6\n    assert candidate(0) == 0\n",
}
PROBLEM = Problem("Mbpp/900", "Write a function to double a number.", "", "twice", ("(3,)", "(0,)"), "MBPP", "")
ANSWER = Candidate("Mbpp/900", 0, None, "", "def twice(x):\n    return x + x\n", "stop", 0.5, 0.25, 15, 9)


def test_right_and_wrong_programs_in_the_form_that_is_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(ANSWER, index=1, code="def twice(x):\n    return x * x\n", mean_nll=None)
    none = replace(ANSWER, index=2, code=None)
    for name, kind, rows in (("problems", Problem, [PROBLEM]), ("candidates", Candidate, [ANSWER, wrong, none])):
        (tmp_path / name).mkdir()
        write_records(tmp_path / name / f"{name}-0.parquet", kind, rows)
    data, out = write_lines(tmp_path / "mbpp.jsonl", [ROW]), tmp_path / "pool.jsonl.gz"
    words = ["--problems", f"{tmp_path}/problems", "--candidates", f"{tmp_path}/candidates", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["pool", *words, "--", "dataset=mbpp", f"dataset.path={data}"])
    pool.main()
    with gzip.open(out, "rt") as file:
        (row,) = map(json.loads, file)
    assert [each["passed"] for each in row["candidates"]] == [True, False, False]
    assert row["inputs"] == [{"py": "(3,)"}, {"py": "(0,)"}]
    assert "statement" not in row
    (scored,) = read_pool(out)
    assert [candidate.code for candidate in scored.candidates] == [ANSWER.code, wrong.code, None]
    assert [candidate.mean_nll for candidate in scored.candidates] == [0.5, None, 0.5]
    assert scored.problem.inputs == PROBLEM.inputs


def test_a_store_without_candidates_of_these_problems_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("problems", "candidates"):
        (tmp_path / name).mkdir()
    words = ["--problems", f"{tmp_path}/problems", "--candidates", f"{tmp_path}/candidates", "--out", "unused"]
    monkeypatch.setattr(sys, "argv", ["pool", *words, "--", "dataset=mbpp"])
    with pytest.raises(SystemExit, match="has no candidates of the problems"):
        pool.main()


def of(rate: float) -> dict[str, Any]:
    return {"n": 60, "pass@1": rate / 2, "sampled": {"value": rate, "ci95": [0, 1]}}


def write_cell(folder: Path, method: str, rate: float, accuracy: float, benchmark: str = "leetcode_validation") -> Path:
    extra = {
        "benchmarks": {benchmark: {"base": of(0.25), "tuned": of(accuracy)}},
        "seconds": {"fit": 60.0, f"evaluate/{benchmark}/tuned": 20.0, f"evaluate/{benchmark}/tuned_voters": 40.0},
    }
    return write_run(folder, method, config={"training": {"learning_rate": rate}}, extra=extra, pool=False)


def test_the_value_with_the_highest_mean_over_methods_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Means .3, .4, .4: of equal ones the smaller value, though one method alone would choose another."""
    cells = {(1e-5, "conself"): 0.5, (1e-5, "self_dpo"): 0.1, (1e-4, "conself"): 0.375, (1e-4, "self_dpo"): 0.425}
    cells |= {(1e-3, "conself"): 0.7, (1e-3, "self_dpo"): 0.1}  # .1 + .7 is less than .8 in floats
    for i, ((rate, method), accuracy) in enumerate(cells.items()):
        write_cell(tmp_path / "runs" / str(i), method, rate, accuracy)
    grid.main(["training.learning_rate", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")])
    text = (tmp_path / "out" / "grid_training.learning_rate.md").read_text()
    assert capsys.readouterr().out.strip() == text.strip()
    assert "Chosen: training.learning_rate=0.0001, by the highest mean of sampled pass@1 over methods on 60" in text
    assert "took 12 minutes" in text, "six cells of two minutes"
    with (tmp_path / "out" / "grid_training.learning_rate.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["training.learning_rate"] for row in rows] == ["1e-05", "1e-05", "0.0001", "0.0001", "0.001", "0.001"]
    assert [row["mean"] and round(float(row["mean"]), 6) for row in rows] == [0.3, "", 0.4, "", 0.4, ""]
    assert {(row["base, sampled"], row["training, s"], row["answers, s"]) for row in rows} == {("0.25", "60.0", "60.0")}


def test_a_value_that_a_method_was_not_run_with_is_shown_and_not_chosen(tmp_path: Path) -> None:
    cells = {(1e-4, "conself"): 0.25, (1e-4, "self_dpo"): 0.25, (1e-3, "conself"): 0.75}
    for i, ((rate, method), accuracy) in enumerate(cells.items()):
        write_cell(tmp_path / str(i), method, rate, accuracy)
    found = grid.grid(trained(read_runs(tmp_path)), "training.learning_rate")
    assert found.notes[0].startswith("The only one with all methods: training.learning_rate=0.0001, by")
    assert found.notes[1] == "Not every method was run with 0.001."
    assert [(row[0], row[1], row[-1]) for row in found.rows] == [
        ("0.0001", "conself", 0.25),
        ("0.0001", "self_dpo", None),
        ("0.001", "conself", None),
    ]


def test_what_is_no_grid_is_refused(tmp_path: Path) -> None:
    write_cell(tmp_path / "a", "conself", 1e-4, 0.5)
    write_cell(tmp_path / "b", "self_dpo", 1e-3, 0.5)
    words = ["training.learning_rate", "--out", str(tmp_path / "out"), "--runs"]
    with pytest.raises(SystemExit, match=r"2 runs are no grid of 2 values of training\.learning_rate by 2 methods"):
        grid.main([*words, str(tmp_path)])
    with pytest.raises(SystemExit, match="no number learning_rate"):
        grid.main(["learning_rate", *words[1:], str(tmp_path / "a")])
    write_cell(tmp_path / "test" / "c", "conself", 1e-4, 0.5, "humaneval")
    with pytest.raises(SystemExit, match="chosen by one validation split"):
        grid.main([*words, str(tmp_path / "test")])
    assert not (tmp_path / "out").exists()
