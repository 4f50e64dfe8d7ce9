"""EvalPlus's own files: ten problems of each that every machine has, the whole files where they are present."""

import gzip
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conself.agreement.comparison import Comparison
from conself.benchmarks.dataset import DatasetBenchmark
from conself.benchmarks.evalplus_rules import accepts
from conself.benchmarks.task import Judge, Task
from conself.datasets.evalplus import WrongFileError, mbpp_arguments
from conself.datasets.humaneval_plus import HumanEvalPlus
from conself.datasets.mbpp_plus import MbppPlus
from conself.datasets.validation import Rejected
from conself.oracles import EvalPlusOracle
from conself.records import Outcome, Problem, Status, Trace
from conself.results.benchmarks import pass_figures
from tests.benchmarks.answering import LIMITS, traces, verdicts
from tests.datasets.test_humaneval import ROW as HUMANEVAL_ROW
from tests.datasets.test_mbpp import CODET, HUB
from tests.datasets.writing import write_lines

FIXTURES = Path(__file__).parents[1] / "datasets" / "fixtures"
WHOLE = Path(__file__).parents[3] / "shared" / "data"
LOOSE = Comparison(
    list_equals_tuple=True, numbers="by_value", floats="tolerance", float_digits=6, split_whitespace=True
)
PATIENT = replace(LIMITS, cpu_seconds=60.0, wall_seconds=300.0, memory_mb=4096, output_kb=20 << 10)
TEN = {"humaneval_plus": 10, "mbpp_plus": 10}
ALL = {"humaneval_plus": 164, "mbpp_plus": 378}


def data(name: str, path: Path, strict: bool = True, shown: int = 1) -> HumanEvalPlus | MbppPlus:
    if name == "humaneval_plus":
        return HumanEvalPlus(str(path), "", "", (), strict, None)
    return MbppPlus(str(path), "", "", (), strict, None, shown)


@cache
def task(name: str) -> Task:
    return DatasetBenchmark(data(name, FIXTURES / f"{name}.jsonl.gz"), LOOSE)()


def humaneval_rows() -> list[dict[str, Any]]:
    with gzip.open(FIXTURES / "humaneval_plus.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def program(judge: Judge, problem: Problem) -> str:
    found = judge.oracles[problem.id]
    assert isinstance(found, EvalPlusOracle)
    return found.program


def judged(name: str, problem_id: str, *programs: str) -> tuple[list[bool], list[bool]]:
    """By base inputs alone, and by all: whether each program is right."""
    found = task(name)
    (problem,) = (p for p in found.problems if p.id == problem_id)
    answers = traces([problem], {problem_id: programs}, replace(LIMITS, cpu_seconds=2.0))
    parts = found.judge.parts(answers, 1)[problem_id]
    assert found.judge(answers, 1)[problem_id] == [base and plus for base, plus in parts]
    return [base for base, _ in parts], [base and plus for base, plus in parts]


@pytest.mark.parametrize("name", TEN)
def test_the_right_programs_of_the_fixtures_pass(name: str) -> None:
    found = task(name)
    assert len(found.problems) == TEN[name]
    assert found.dropped == {}
    passed = verdicts(found.judge, found.problems, {p.id: [program(found.judge, p)] for p in found.problems})
    assert [name for name, (right,) in passed.items() if not right] == []


def test_a_program_that_is_right_on_base_inputs_only_fails_plus() -> None:
    """HumanEval/41: n squared. Base asks for n = 2, 3, 4, 8, 10; plus for 1 to 1,000 and more."""
    small, right, wrong = "return n ** 2 if n < 11 else 0", "return n * n", "return n"
    programs = [f"def car_race_collision(n):\n    {body}\n" for body in (small, right, wrong)]
    assert judged("humaneval_plus", "HumanEval/41", *programs) == ([True, True, False], [False, True, False])


def test_inputs_of_both_kinds_are_run_in_their_order() -> None:
    for row, problem in zip(humaneval_rows(), task("humaneval_plus").problems, strict=True):
        assert [list(eval(text)) for text in problem.inputs] == row["base_input"] + row["plus_input"]
        found = task("humaneval_plus").judge.oracles[problem.id]
        assert isinstance(found, EvalPlusOracle)
        assert found.base == len(row["base_input"])


def test_mbpps_special_cases() -> None:
    shuffled = "def similar_elements(a, b): return sorted(set(a) & set(b), reverse=True, key=repr)"
    assert judged("mbpp_plus", "Mbpp/2", shuffled, "def similar_elements(a, b): return ()")[1] == [True, False]
    truth = "import re\ndef check_str(s): return s[:1] in tuple('aeiouAEIOU')"
    found = "import re\ndef check_str(s): return re.match('[aeiou]', s, re.I)"
    assert judged("mbpp_plus", "Mbpp/737", truth, found, "def check_str(s): return 'no'")[1] == [True, True, False]
    upright = "import math\ndef surface_Area(b, h): return round(b * b + 2 * b * math.hypot(b / 2, h))"
    assert judged("mbpp_plus", "Mbpp/581", upright, "def surface_Area(b, s): return b * s")[1] == [True, False]
    padded = (
        "def digit_distance_nums(a, b):\n    n = max(len(str(a)), len(str(b)))\n"
        "    return sum(abs(int(x) - int(y)) for x, y in zip(str(a).zfill(n), str(b).zfill(n)))"
    )
    assert judged("mbpp_plus", "Mbpp/558", padded)[1] == [True]


def test_any_root_of_a_polynomial_will_do() -> None:
    problem = next(p for p in task("humaneval_plus").problems if p.id == "HumanEval/32")
    name = "humaneval/find_zero"
    assert accepts(name, 1e-4, ["([-1, 0, 1],)"], [1.0], [-1.0])  # x * x - 1
    assert not accepts(name, 1e-4, ["([-1, 0, 1],)"], [1.001], [1.0])
    assert problem.inputs[0] == "([-10, -2],)"


@pytest.mark.parametrize(
    ("atol", "outputs", "expected", "is_right"),
    [
        (0, [True, 1.0], [1, 1], True),  # equal is equal, whatever the type
        (0, [(1, 2)], [[1, 2]], False),
        (0, [0.1 + 0.2], [0.3], True),  # a float expected: 1e-6
        (0, [0.1 + 1e-5], [0.1], False),
        (0, [[0.3000001]], [[0.3]], True),
        (0, [[0.3000001, 1]], [[0.3, 1]], False),  # not all floats: no tolerance ...
        (0, [0.5, [0.3000001, 1]], [0.5, [0.3, 1]], True),  # ... but for what follows a float
        (0, [[0.3000001, 1], 0.5], [[0.3, 1], 0.5], False),
        (1e-4, [1.00005], [1.0], True),
        (1e-4, [1], [1.00005], False),  # close, but an int
        (1e-4, [[1.0]], [[1.0, 2.0]], False),
        (0, [float("nan")], [float("nan")], False),
        (0, [float("inf")], [float("inf")], True),
        (0, [1e300], [1e300 * (1 + 5e-8)], True),  # relative: 1e-7
    ],
)
def test_the_comparison(atol: float, outputs: list[Any], expected: list[Any], is_right: bool) -> None:
    assert accepts("humaneval/f", atol, ["()"] * len(outputs), outputs, expected) == is_right


@pytest.mark.parametrize(
    ("number", "given", "meant"),
    [
        (2, [[1, 2], [3]], [(1, 2), (3,)]),
        (63, [[[1, 2], [3, 4]]], [[(1, 2), (3, 4)]]),
        (75, [[[1, 2]], 6], [[(1, 2)], 6]),
        (106, [[5], [1]], [[5], (1,)]),
        (115, [[[1, 1], []]], [[{1}, {}]]),
        (124, ["0", "1j"], [0.0, 1j]),
        (252, ["1+2j"], [1 + 2j]),
        (250, [[1, 2], 1], [(1, 2), 1]),
        (259, [[[1, 2], [3]], [[4], [5]]], [((1, 2), (3,)), ((4,), (5,))]),
        (278, [[1, [2, 3]]], [(1, (2, 3))]),
        (307, [["a", []], 1, 5], [("a", []), 1, 5]),
        (722, [{"a": [6, 70]}, 6], [{"a": (6, 70)}, 6]),
        (580, [[1, [2, [3]]]], [(1, (2, (3,)))]),
        (3, [[1, [2]]], [[1, [2]]]),
    ],
)
def test_arguments_get_the_types_that_mbpp_means(number: int, given: list[Any], meant: list[Any]) -> None:
    assert list(mbpp_arguments(f"Mbpp/{number}")(given)) == meant


def test_a_problem_of_mbpp_shows_its_sentence_and_as_many_assertions_as_asked_for() -> None:
    path = FIXTURES / "mbpp_plus.jsonl.gz"
    for shown, tail in ((0, ""), (1, "\n\nFor example:\nassert last([1,2,3],1) == 0")):
        problem = next(p for p in data("mbpp_plus", path, shown=shown)() if p.id == "Mbpp/793")
        assert isinstance(problem, Problem)
        assert (
            problem.statement
            == "Write a python function to find the last position of an element in a sorted array." + tail
        )
        assert problem.starter_code == "def last(arr, x):\n"
        assert len(problem.inputs) == 3  # its plus_input is an empty object


@pytest.mark.parametrize(
    ("name", "row"), [("humaneval_plus", HUMANEVAL_ROW), ("mbpp_plus", HUB), ("mbpp_plus", CODET)], ids=str
)
def test_a_file_of_the_original_benchmark_is_refused(name: str, row: dict[str, Any], tmp_path: Path) -> None:
    found = data(name, write_lines(tmp_path / "a.jsonl", [row]), strict=False)
    for read in (found, found.statements, found.oracles, found.fingerprint):
        with pytest.raises(WrongFileError, match=r"a\.jsonl: .* no base_input and plus_input"):
            list(read())


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    row = humaneval_rows()[0]
    without = {key: value for key, value in row.items() if key != "plus_input"}
    bad = [without, {**row, "base_input": 3}, {**row, "atol": "0"}, {**row, "canonical_solution": "    return 1 / 0\n"}]
    found = list(data("humaneval_plus", write_lines(tmp_path / "a.jsonl", bad), strict=False)())
    assert [item.reason for item in found if isinstance(item, Rejected)] == [
        "a field is missing",
        "malformed record",
        "malformed record",
        "its own solution fails on its inputs (ZeroDivisionError)",
    ]


def test_an_input_whose_right_output_is_too_long_is_left_out_and_counted(tmp_path: Path) -> None:
    row = {
        "task_id": "HumanEval/900",
        "prompt": "def f(n):\n",
        "entry_point": "f",
        "canonical_solution": "    return 'x' * n\n",
        "base_input": [[30 << 20], [1]],
        "plus_input": [[2]],
        "atol": 0,
    }
    found = DatasetBenchmark(data("humaneval_plus", write_lines(tmp_path / "a.jsonl", [row])), LOOSE)()
    assert dict(found.dropped) == {"an input (not a problem) for which the right output is longer than 20 MiB": 1}
    (problem,) = found.problems
    assert problem.inputs == ("(1,)", "(2,)")
    oracle = found.judge.oracles[problem.id]
    assert isinstance(oracle, EvalPlusOracle)
    assert (oracle.expected, oracle.base) == (('"x"', '"xx"'), 1)
    assert found.judge.longest() == len('"xx"')
    answers = traces([problem], {problem.id: ["def f(n): return 'x'"]})
    assert found.judge.parts(answers, 1) == {problem.id: [(True, False)]}


def test_a_trace_of_another_length_is_refused_and_hostile_text_is_wrong() -> None:
    found = task("humaneval_plus")
    problem = next(p for p in found.problems if p.id == "HumanEval/55")
    short = Trace(problem.id, 0, (Outcome(Status.OK, "1"),))
    with pytest.raises(ValueError, match=r"HumanEval/55: 1 outcomes against"):
        found.judge([(problem, [short])], 1)
    for text in ("__import__('os')._exit(0)", '{"q":1}', "[" * 5000 + "]" * 5000, '{"o":"int"}'):
        hostile = Trace(problem.id, 0, (Outcome(Status.OK, text),) * len(problem.inputs))
        assert found.judge([(problem, [hostile])], 1) == {problem.id: [False]}


def test_base_and_plus_are_both_reported() -> None:
    from conself.records import Verdict

    rows = [
        Verdict("a", "", (True,), (True,)),
        Verdict("b", "", (False,), (True,)),
        Verdict("c", "", (False,), (False,)),
    ]
    figures = pass_figures(rows, None)
    assert figures["pass@1"] == pytest.approx(1 / 3)
    assert figures["by_inputs"]["base"]["pass@1"] == pytest.approx(2 / 3)
    assert figures["by_inputs"]["plus"]["pass@1"] == figures["pass@1"]
    assert "by_inputs" not in pass_figures([Verdict("a", "", (True,))], None)


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE.is_dir(), reason=f"the shared data is not at {WHOLE}")
@pytest.mark.parametrize(("name", "file"), [("humaneval_plus", "HumanEvalPlus"), ("mbpp_plus", "MbppPlus")])
def test_all_right_programs_pass(name: str, file: str) -> None:
    found = DatasetBenchmark(data(name, WHOLE / f"{file}.jsonl.gz"), LOOSE)()
    assert len(found.problems) == ALL[name]
    assert sum(found.dropped.values()) == (4 if name == "mbpp_plus" else 0)  # inputs of Mbpp/255
    programs = {p.id: [program(found.judge, p)] for p in found.problems}
    passed = verdicts(found.judge, found.problems, programs, PATIENT)
    assert [name for name, (right,) in passed.items() if not right] == []
