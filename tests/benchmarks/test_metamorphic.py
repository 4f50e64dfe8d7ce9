"""Right programs, changed in eleven ways, are judged as the benchmarks' own harnesses judge them.

``harness_verdicts.csv`` holds those verdicts on twenty problems of each benchmark (``harness_verdicts.py`` made it).
``LENIENT`` lists where a right program passes here and not there; docs/equality.md has the reasons.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from conself.agreement.comparison import Comparison
from conself.benchmarks.dataset import DatasetBenchmark
from conself.benchmarks.task import Judge
from conself.datasets.humaneval import HumanEval
from conself.datasets.humaneval_plus import HumanEvalPlus
from conself.datasets.leetcode_rows import Method, read_row
from conself.datasets.mbpp import Mbpp
from conself.datasets.mbpp_plus import MbppPlus
from conself.oracles import EvalPlusOracle, Oracle, TestOracle
from conself.records import Outcome, Problem
from conself.sandbox import Job, Status, execute
from tests.benchmarks.answering import LIMITS, verdicts
from tests.benchmarks.changes import CHANGES, changed
from tests.benchmarks.harness_verdicts import FILES, FIXTURES, TABLE, WHOLE, right_program, rows
from tests.datasets.writing import write_lines

DEFAULT = Comparison(
    list_equals_tuple=True, numbers="by_value", floats="tolerance", float_digits=6, split_whitespace=True
)
PATIENT = replace(LIMITS, cpu_seconds=60.0, wall_seconds=300.0, memory_mb=4096, output_kb=20 << 10)
WORKERS = 2
PLUS_INPUTS = 300
"""Of EvalPlus's thousand plus inputs to a problem, the first; test_evalplus.py takes all, with programs as they are."""
LONG = {
    *("HumanEval/15", "HumanEval/36", "HumanEval/59", "HumanEval/83", "HumanEval/130", "HumanEval/139"),
    *("Mbpp/84", "Mbpp/123", "Mbpp/255", "Mbpp/271", "Mbpp/300", "Mbpp/389", "Mbpp/392", "Mbpp/583", "Mbpp/589"),
    *("Mbpp/592", "Mbpp/599", "Mbpp/603", "Mbpp/630"),
}
"""On plus inputs right programs work for a second or more, or return megabytes: of these the base inputs alone."""
SIZES = {"humaneval": 164, "humaneval_plus": 164, "mbpp": 427, "mbpp_plus": 378, "leetcode": 303}
WITHOUT = {
    "contains-duplicate-iii",  # needs sortedcontainers, as the next one
    "max-sum-of-rectangle-no-larger-than-k",
    "word-ladder-ii",  # gives ways in the order of a set of texts, which is another in every interpreter
}
"""Problems of which the right program, as it is, is not right everywhere."""
_BY_NAME = frozenset({"class Solution", "BOM"})
QUICK = {
    "humaneval": ("HumanEval/1", "HumanEval/55"),
    "humaneval_plus": ("HumanEval/1", "HumanEval/55"),
    "mbpp": ("Mbpp/63", "Mbpp/793"),
    "mbpp_plus": ("Mbpp/7", "Mbpp/793"),
    "leetcode": ("two-sum", "swap-nodes-in-pairs"),
}
LENIENT: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("humaneval", "humaneval_plus", "mbpp", "mbpp_plus"), _BY_NAME),
    "leetcode": frozenset({"tuples", "from __future__", "BOM"}),
}
"""Changes that a benchmark's harness rejects, and we do not."""
NEVER = ("humaneval_plus", "HumanEval/32")
"""EvalPlus passes no answer to it: an accepted one is not counted as an input that was passed."""
SETS = {
    *("similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum"),
    *("intersection_array", "find_dissimilar", "Diff"),
}
"""Functions of MBPP whose outputs EvalPlus compares as sets (MBPP_OUTPUT_SET_EQ_TASKS of evalplus 0.3.1)."""
MATCHES = {"check_str", "text_match_three", "text_starta_endb"}
"""Functions of MBPP whose outputs, match objects, EvalPlus compares with None alone (MBPP_OUTPUT_NOT_NONE_TASKS)."""
_TESTED = """
def passes(program, test):
    world = {"__name__": "tests"}
    exec(program, world)
    exec(test, world)
    return True
"""
_COMPARED = """
from ast import literal_eval

def passes(right, changed, name, inputs):
    one, other = {}, {}
    exec(right, one)
    exec(changed, other)
    return all(one[name](*literal_eval(each)) == other[name](*literal_eval(each)) for each in inputs)
"""
Programs = dict[str, dict[str, str]]
"""Problem id -> change -> program."""


def read(benchmark: str, file: Path) -> tuple[Sequence[Problem], Judge, Programs]:
    """The problems of a file, their judge, and their right programs, changed."""
    given = rows(file)
    if benchmark == "leetcode":
        methods = [_method(row) for row in given]
        usable = [m for m in methods if m is not None and m.problem.id not in WITHOUT]
        problems: Sequence[Problem] = [method.problem for method in usable]
        judge = Judge({m.problem.id: Oracle(m.problem.id, m.expected) for m in usable}, DEFAULT)
    else:
        task = DatasetBenchmark(_data(benchmark, file), DEFAULT)()
        problems, judge = task.problems, task.judge
    programs = {row["task_id"]: right_program(benchmark, row) for row in given}
    return problems, judge, {p.id: changed(*programs[p.id]) for p in problems}


def _data(benchmark: str, file: Path) -> HumanEval | Mbpp:
    if benchmark.startswith("humaneval"):
        kind = HumanEvalPlus if benchmark.endswith("plus") else HumanEval
        return kind(str(file), "", "", (), strict=False, max_inputs=None)
    other = MbppPlus if benchmark.endswith("plus") else Mbpp
    return other(str(file), "", "", (), strict=False, max_inputs=None, shown_tests=0)


def _method(row: dict[str, object]) -> Method | None:
    try:
        return read_row(row)
    except (KeyError, TypeError, ValueError, SyntaxError):
        return None


def ours(problems: Sequence[Problem], judge: Judge, programs: Programs) -> dict[tuple[str, str], bool]:
    """(problem, change) -> our verdict."""
    found = verdicts(judge, problems, {p.id: list(programs[p.id].values()) for p in problems}, PATIENT, WORKERS)
    return {
        (name, change): is_right
        for name, row in found.items()
        for change, is_right in zip(programs[name], row, strict=True)
    }


def harness(benchmark: str, change: str) -> dict[str, bool]:
    """Problem -> the verdict of the benchmark's own harness on its program, so changed."""
    with TABLE.open(newline="") as file:
        table = [row for row in csv.DictReader(file) if row["benchmark"] == benchmark]
    return {row["problem"]: row[change] == "1" for row in table if row[change]}


def differences(benchmark: str, found: Mapping[tuple[str, str], bool]) -> list[tuple[str, str]]:
    """Where our verdict on a problem of the table is another than the harness's, and nothing says why."""
    said, lenient = {change: harness(benchmark, change) for change in CHANGES}, LENIENT[benchmark]
    return [
        (name, change)
        for (name, change), is_right in found.items()
        if name in said[change] and is_right != (said[change][name] or change in lenient or (benchmark, name) == NEVER)
    ]


def as_cpython(judge: Judge, problems: Sequence[Problem], programs: Programs, change: str) -> set[str]:
    """The problems whose changed programs pass their tests, or give what the right one gives (==), in one process."""

    def job(problem: Problem) -> Job:
        oracle, program = judge.oracles[problem.id], programs[problem.id][change]
        if isinstance(oracle, TestOracle):
            return Job(problem.id, (_TESTED,), "passes", (repr((program, oracle.test)),))
        assert isinstance(oracle, EvalPlusOracle)
        arguments = oracle.program, program, problem.entry_point, problem.inputs
        return Job(problem.id, (_COMPARED,), "passes", (repr(arguments),))

    patient = replace(PATIENT, cpu_seconds=300.0)
    found = execute(map(job, problems), patient, WORKERS)
    return {result.job.id for result in found if result.rows[0][0] == Outcome(Status.OK, "true")}


@pytest.mark.parametrize("benchmark", FILES)
def test_changed_programs_have_the_verdicts_of_the_harness(benchmark: str, tmp_path: Path) -> None:
    """Of two problems of each fixture."""
    chosen = [row for row in rows(FIXTURES / FILES[benchmark][0]) if row["task_id"] in QUICK[benchmark]]
    found = ours(*read(benchmark, write_lines(tmp_path / "rows.jsonl", chosen)))
    assert differences(benchmark, found) == []
    assert len(found) >= 2 * 9


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE.is_dir(), reason=f"the shared data is not at {WHOLE}")
@pytest.mark.parametrize("benchmark", FILES)
def test_all_changed_programs(benchmark: str, tmp_path: Path) -> None:
    """They are right, all but those that give tuples for lists where the tests tell the two apart."""
    given = rows(WHOLE / FILES[benchmark][1])[: SIZES[benchmark]]
    for row in given:
        if isinstance(row.get("plus_input"), list):
            row["plus_input"] = [] if row["task_id"] in LONG else row["plus_input"][:PLUS_INPUTS]
    problems, judge, programs = read(benchmark, write_lines(tmp_path / "rows.jsonl", given))
    found = ours(problems, judge, programs)
    right = {p.id for p in problems}
    if benchmark != "leetcode":
        right = as_cpython(judge, problems, programs, "tuples")
    if benchmark == "mbpp_plus":
        right |= {p.id for p in problems if p.entry_point in SETS | MATCHES}
    expected = {(name, change): change != "tuples" or name in right for name, change in found}
    assert {key: found[key] for key in found if found[key] != expected[key]} == {}
    assert differences(benchmark, found) == []
