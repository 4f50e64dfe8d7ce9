"""The comparison with EvalPlus: which samples are compared with which, and what counts as a difference."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conself.records import Verdict
from conself.store.tables import verdict_row
from experiments.evalplus_agreement import compare, samples
from tests.datasets.writing import write_lines

Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Calls ``main`` with the words of a command line; returns what it prints."""

    def call(main: Callable[[], None], *words: object) -> str:
        monkeypatch.setattr(sys, "argv", ["command", *map(str, words)])
        main()
        return capsys.readouterr().out

    return call


def test_samples_are_the_first_distinct_programs_of_each_problem(run: Run, tmp_path: Path) -> None:
    pool = [
        {"task_id": "a", "prompt": "p", "unique": ["0", "1", "2"], "candidates": [1, 1, 2, 0]},
        {"task_id": "of another benchmark", "prompt": "", "unique": ["0"], "candidates": [0]},
        {"id": "b", "candidates": [{"code": "x"}, {"code": None}, {"code": "x"}, {"code": "y"}, {"code": "z"}]},
    ]
    names = write_lines(tmp_path / "names.jsonl", [{"task_id": name} for name in ("b", "a", "c")])
    out = tmp_path / "samples.jsonl"
    said = run(samples.main, write_lines(tmp_path / "pool.jsonl", pool), out, 2, names)
    assert said == "5 samples of 3 problems\n"
    found = [tuple(json.loads(line).values()) for line in out.read_text().splitlines()]
    assert found == [("b", "x"), ("b", "y"), ("a", "p1"), ("a", "p2"), ("c", "")]


def test_samples_that_both_have_judged_are_compared_one_by_one(run: Run, tmp_path: Path) -> None:
    """Who fails base and passes the added inputs fails plus, as EvalPlus counts; the second of b is ours alone."""
    verdict = {True: "pass", False: "fail"}
    theirs = [("a", 0, True, True), ("b", 0, True, False), ("a", 1, False, True), ("of another", 0, True, True)]
    official = write_lines(
        tmp_path / "official.jsonl",
        [{"task_id": n, "index": i, "base": verdict[b], "plus": verdict[p]} for n, i, b, p in theirs],
    )
    own = [Verdict("a", "", (True, False), (True, False)), Verdict("b", "", (True, True), (True, True))]
    rows = [{"benchmark": "mbpp_plus", **verdict_row(v)} for v in own]
    rows.append({"benchmark": "humaneval_plus", **verdict_row(Verdict("a", "", (False,), (False,)))})
    verdicts = write_lines(tmp_path / "verdicts.jsonl", rows)
    programs = write_lines(
        tmp_path / "samples.jsonl", [{"task_id": name, "solution": name + str(n)} for name in "ab" for n in range(2)]
    )
    out = tmp_path / "differences.jsonl"
    counts = json.loads(run(compare.main, official, verdicts, "mbpp_plus", programs, out))
    assert counts == {
        "samples": 3,
        "pass base (EvalPlus, ours)": [2, 2],
        "pass plus (EvalPlus, ours)": [1, 2],
        "differences": 1,
        "of problems": {"b": 1},
    }
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {"sample": ["b", 0], "base": [True, True], "plus": [False, True], "program": "b0"}
    ]
