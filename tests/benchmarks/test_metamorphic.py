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
from conself.oracles import Oracle
from conself.records import Problem
from conself.sandbox import Job, Status, execute
from tests.benchmarks.answering import LIMITS, verdicts
from tests.benchmarks.changes import CHANGES, changed
from tests.benchmarks.harness_verdicts import FILES, FIXTURES, TABLE, WHOLE, right_program, rows

DEFAULT = Comparison(
    list_equals_tuple=True, numbers="by_value", floats="tolerance", float_digits=6, split_whitespace=True
)
PATIENT = replace(LIMITS, cpu_seconds=60.0, wall_seconds=300.0, memory_mb=4096, output_kb=20 << 10)
LEETCODE = 300
LENIENT: Mapping[str, set[str]] = {
    **dict.fromkeys(("humaneval", "humaneval_plus", "mbpp", "mbpp_plus"), {"class Solution", "BOM"}),
    "leetcode": {"tuples", "from __future__", "BOM"},
}
NEVER = ("humaneval_plus", "HumanEval/32")
"""EvalPlus passes no answer to it: an accepted one is not counted as an input that was passed."""
Programs = dict[str, dict[str, str]]
"""Problem id -> change -> program."""


def read(benchmark: str, file: Path, most: int | None) -> tuple[Sequence[Problem], Judge, Programs]:
    """The first problems of a file, their judge, and their right programs, changed."""
    given = rows(file)[:most]
    if benchmark == "leetcode":
        methods = [_method(row) for row in given]
        problems: Sequence[Problem] = [method.problem for method in methods if method is not None]
        judge = Judge({m.problem.id: Oracle(m.problem.id, m.expected) for m in methods if m is not None}, DEFAULT)
    else:
        task = DatasetBenchmark(_data(benchmark, file), DEFAULT)()
        problems, judge = task.problems[:most], task.judge
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
    found = verdicts(judge, problems, {p.id: list(programs[p.id].values()) for p in problems}, PATIENT)
    return {
        (name, change): is_right
        for name, row in found.items()
        for change, is_right in zip(programs[name], row, strict=True)
    }


def harness(benchmark: str) -> dict[tuple[str, str], bool]:
    """(problem, change) -> the verdict of the benchmark's own harness."""
    with TABLE.open(newline="") as file:
        table = [row for row in csv.DictReader(file) if row["benchmark"] == benchmark]
    return {(row["problem"], change): row[change] == "1" for row in table for change in CHANGES if row[change]}


def differences(benchmark: str, found: Mapping[tuple[str, str], bool]) -> list[tuple[str, str]]:
    """Where our verdict on a problem of the table is another than the harness's, and nothing says why."""
    said, lenient = harness(benchmark), LENIENT[benchmark]
    return [
        (name, change)
        for (name, change), is_right in found.items()
        if (name, change) in said
        and is_right != (said[name, change] or change in lenient or ((benchmark, name) == NEVER and change != "tuples"))
    ]


@pytest.mark.parametrize("benchmark", FILES)
def test_changed_programs_have_the_verdicts_of_the_harness(benchmark: str) -> None:
    found = ours(*read(benchmark, FIXTURES / FILES[benchmark][0], 10))
    assert differences(benchmark, found) == []
    assert len(found.keys() & harness(benchmark).keys()) > 80
