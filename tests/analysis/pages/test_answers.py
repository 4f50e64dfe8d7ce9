"""Pages of a benchmark's answers before and after: their order, what they show, and hostile texts."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from analysis.pages.answers import written_in
from analysis.request import Request, parse
from analysis.write_report import make_report
from conself.records import Candidate, GradedReply, Problem, Trace, Verdict
from conself.store.tables import write_json, write_records, write_traces, write_verdicts
from tests.analysis.report_runs import CRASH, HOSTILE, make_problem, make_run, ok

QUIET = Console(quiet=True)
PASSED = {"p/<b>0": (False, True), "p/00001": (True, True), "p/00002": (True, False), "p/00003": (False, False)}


def make_answers(folder: Path, side: int) -> Path:
    """Four problems with one answer each; ``side`` 0 is the base, 1 the tuned model. Shards of two problems."""
    folder.mkdir(parents=True)
    write_json(folder / "manifest.json", {})
    problems = [make_problem(n) for n in range(4)]
    write_records(folder / "problems.parquet", Problem, problems)
    for start in (0, 2):
        part = problems[start : start + 2]
        code = (HOSTILE, "def f(x): return x")[side]
        answers = [Candidate(p.id, 0, None, f"text of {p.id}", code, "stop", None, None, None, 9) for p in part]
        write_records(folder / f"answers-{start:07d}-2.parquet", Candidate, answers)
        rows = [[Trace(p.id, 0, (ok(HOSTILE), (CRASH, ok(7))[side]))] for p in part]
        write_traces(folder / f"traces-{start:07d}-2.parquet", rows, {})
    write_verdicts(folder / "verdicts.jsonl", [Verdict(p.id, p.difficulty, (PASSED[p.id][side],)) for p in problems])
    return folder


def request(folder: Path, links: Mapping[str, Path], **results: str) -> Request:
    """Of one run below ``folder``: a training run, or with ``results`` an evaluation that says so."""
    make_run(folder / "runs" / "0", links, "conself", 1, 0.5)
    if results:
        found = folder / "runs" / "0" / "results.json"
        figures = {"benchmarks": {"minipy": {"pass@1": 0.5, "n": 4, "ci95": [0, 1]}}, "seconds": {}, "artifacts": {}}
        write_json(found, figures | results)
        write_json(found.with_name("config.yaml"), {"model": {"name": "tiny"}})
    return parse([f"runs={folder / 'runs'}"])


def reported(folder: Path, links: Mapping[str, Path], **results: str) -> Path:
    page = make_report(request(folder, links, **results), QUIET)
    (index,) = (page.parent / "answers").glob("*/index.html")
    assert f"answers/{index.parent.name}/index.html" in page.read_text()
    return index.parent


def sides(folder: Path) -> dict[str, Path]:
    names = ("evaluate/minipy/base", "evaluate/minipy/tuned")
    return {name: make_answers(folder / "store" / "evaluate" / (str(n) * 64), n) for n, name in enumerate(names)}


def test_a_page_per_problem_fixed_and_broken_first(tmp_path: Path) -> None:
    pages = reported(tmp_path, sides(tmp_path))
    assert {path.name for path in pages.iterdir()} == {"index.html", "1.html", "2.html", "3.html", "4.html"}
    heads = [(pages / f"{n}.html").read_text().split("<h1>")[1].split("</h1>")[0] for n in (1, 2, 3, 4)]
    assert heads == ["p/&lt;b&gt;0: fixed", "p/00002: broken", "p/00003: wrong twice", "p/00001: right twice"]
    assert "1 fixed, 1 broken, 1 wrong twice, 1 right twice." in (pages / "index.html").read_text()


def test_both_answers_and_what_they_did_stand_side_by_side(tmp_path: Path) -> None:
    page = (reported(tmp_path, sides(tmp_path)) / "2.html").read_text()
    assert "Add 2 to x." in page
    assert page.index("Base: right") < page.index("Tuned: wrong") < page.index("def f(x): return x")
    rows = page.split("<tbody>")[1].split("</tr>")
    assert 'class="differs"' in rows[0]
    assert "exception: ZeroDivisionError" in rows[0]
    assert "<pre>7</pre>" in rows[0]
    assert 'class="differs"' not in rows[1]


def make_tests(folder: Path, side: int) -> Path:
    """A reply with tests of each problem but the last: right ones, a wrong one, and one that cannot be read."""
    folder.mkdir(parents=True)
    write_json(folder / "manifest.json", {})
    names = [make_problem(n).id for n in range(3)]
    texts = (f"f(1) == {side}", HOSTILE, "no idea")
    replies = [
        Candidate(name, 0, None, text, None, "stop", None, None, None, 9)
        for name, text in zip(names, texts, strict=True)
    ]
    grades = ((1, (None, 0.5)[side]), (0, 0.0), (None, 0.0))
    write_records(folder / "replies-0000000-3.parquet", Candidate, replies)
    graded = [GradedReply(name, *grade) for name, grade in zip(names, grades, strict=True)]
    write_records(folder / "graded-all.parquet", GradedReply, graded)
    return folder


def test_the_tests_of_both_stand_beside_the_programs_with_their_grades(tmp_path: Path) -> None:
    kinds = ("written_tests/minipy/base", "written_tests/minipy/tuned")
    tests = {name: make_tests(tmp_path / "store" / "written" / (str(n) * 64), n) for n, name in enumerate(kinds)}
    pages = reported(tmp_path, sides(tmp_path) | tests)
    texts = [(pages / f"{n}.html").read_text() for n in (1, 2, 3, 4)]  # problems 0, 2, 3 and 1
    assert texts[0].index("<h3>Base: right</h3>") < texts[0].index("f(1) == 0")
    assert texts[0].index("<h3>Tuned: right, and 50% of the mutants fail</h3>") < texts[0].index("f(1) == 1")
    assert texts[1].count("cannot be read as tests") == 2
    assert "<h2>Tests</h2>" in texts[1]
    assert "<h3>" not in texts[2]
    assert texts[3].count("a test is wrong: the reference solution fails it") == 2
    assert HOSTILE not in texts[3]


def test_of_several_replies_the_first_is_shown_with_the_number_of_right_ones(tmp_path: Path) -> None:
    replies = [
        Candidate("a", n, None, text, None, "stop", None, None, None, 9) for n, text in enumerate(("one", "two"))
    ]
    write_records(tmp_path / "replies-0000000-1.parquet", Candidate, replies)
    grades = [GradedReply("a", 0, 0.0), GradedReply("a", 1, 1.0)]
    write_records(tmp_path / "graded-all.parquet", GradedReply, grades)
    text, grade = written_in(tmp_path)["a"]
    assert text == "one"
    assert grade == "a test is wrong: the reference solution fails it; 1 of 2 replies are right, this is the first"


def test_a_run_whose_tests_of_one_side_are_gone_shows_none(tmp_path: Path) -> None:
    tests = {"written_tests/minipy/base": make_tests(tmp_path / "store" / "written" / ("0" * 64), 0)}
    assert "<h2>Tests</h2>" not in (reported(tmp_path, sides(tmp_path) | tests) / "1.html").read_text()


def test_hostile_texts_are_text(tmp_path: Path) -> None:
    pages = reported(tmp_path, sides(tmp_path))
    for path in pages.iterdir():
        text = path.read_text()
        assert "<script" not in text
        assert "<img" not in text
        assert "default-src 'none'" in text


@pytest.mark.parametrize("named", ["run", "verdicts", "artifact"])
def test_an_evaluation_is_shown_beside_what_it_is_compared_with(named: str, tmp_path: Path) -> None:
    both = sides(tmp_path)
    tuned, other = both["evaluate/minipy/tuned"], tmp_path / "other"
    make_run(other, both, "conself", 2, 0.5)
    versus = {"run": other, "verdicts": tuned / "verdicts.jsonl", "artifact": tuned}[named]
    pages = reported(tmp_path, {"evaluate/minipy/base": both["evaluate/minipy/base"]}, versus=str(versus))
    heads = [(pages / f"{n}.html").read_text().split("<h1>")[1].split("</h1>")[0] for n in (1, 2)]
    assert heads == ["p/00002: fixed", "p/&lt;b&gt;0: broken"], "against the other run's tuned model"


def test_verdicts_without_their_answers_make_no_pages_and_the_report_says_so(tmp_path: Path) -> None:
    both = sides(tmp_path)
    copy = tmp_path / "copy.jsonl"
    copy.write_text((both["evaluate/minipy/tuned"] / "verdicts.jsonl").read_text())
    page = make_report(
        request(tmp_path, {"evaluate/minipy/base": both["evaluate/minipy/base"]}, versus=str(copy)), QUIET
    )
    assert not list((page.parent / "answers").glob("*"))
    assert f"no pages of answers for runs/0: there are none behind versus={copy}" in page.read_text()
