"""A store's programs as a file, with the verdicts of the data set's tests, and how `conself.score` reads it."""

import gzip
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conself.datasets.pool.file import read_pool
from conself.records import Candidate, Problem
from conself.store.tables import write_records
from experiments.real_backbone import pool
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
