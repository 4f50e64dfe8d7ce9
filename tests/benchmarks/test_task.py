from dataclasses import replace
from pathlib import Path

import pytest

from conself.agreement.comparison import Comparison
from conself.benchmarks.dataset import DatasetBenchmark
from conself.benchmarks.minipy import MiniPyBenchmark
from conself.benchmarks.task import HARNESSES, SANDBOXED, Judge
from conself.datasets.humaneval import HumanEval
from conself.datasets.jsonl import Jsonl
from conself.datasets.minipy import MiniPy
from conself.oracles import AppsOracle, EvalPlusOracle, LiveCodeBenchOracle, Oracle, TestOracle, WrappedAppsOracle
from conself.records import Outcome, Problem, Status, Trace
from tests.datasets.writing import write_lines

LOOSE = Comparison(list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=6, split_whitespace=True)
VALUES = Problem("v", "Add one.", "", "f", ("(1,)", "(2,)"), "test", "")
PRINTED = Problem("s", "Echo.", "", None, ("1",), "test", "")
TESTED = Problem("t", "Add one.", "", "f", ("(1,)",), "test", "")
MORE = Problem("e", "Add one.", "", "f", ("(1,)", "(2,)"), "test", "")
ORACLES = {
    "v": Oracle("v", ("2", '{"f":"0.333333333"}')),
    "s": Oracle("s", ('"1 2"',)),
    "l": LiveCodeBenchOracle("l", ("2", '{"f":"0.5"}')),
    "a": AppsOracle("a", ("2", '{"f":"0.5"}')),
    "w": WrappedAppsOracle("w", ("2", '{"f":"0.5"}')),
    "t": TestOracle("t", "def f(x):\n    return x + 1\n", "assert f(1) == 2"),
    "e": EvalPlusOracle("e", "def f(x):\n    return x + 1\n", ("2", "3"), "humaneval/f", 0.0, base=1),
}


def trace(name: str, *values: str | None) -> Trace:
    """Outcomes: a canonical value, or None for an exception."""
    bad = Outcome(Status.EXCEPTION, "ValueError")
    return Trace(name, 0, tuple(bad if value is None else Outcome(Status.OK, value) for value in values))


def test_values_and_tests_are_judged_side_by_side() -> None:
    answers = [
        (TESTED, [trace("t", "2"), trace("t", "3"), trace("t", None)]),
        (VALUES, [trace("v", "2", '{"f":"0.3333333331"}'), trace("v", "2", None), trace("v", "2", "0")]),
        (PRINTED, [trace("s", '" 1\\n2\\n"'), trace("s", '"12"')]),
        (MORE, [trace("e", "2", "3"), trace("e", "2", "4"), trace("e", None, "3")]),
    ]
    assert Judge(ORACLES, LOOSE)(answers, workers=1) == {
        "t": [True, False, False],
        "v": [True, False, False],
        "s": [True, False],
        "e": [True, False, False],
    }


def test_base_and_plus_inputs_have_verdicts_of_their_own_and_each_is_worked_out_once() -> None:
    """The right program gives 2 and 3; the first input is the base benchmark's."""
    answers = [
        (MORE, [trace("e", *values) for values in (("2", "3"), ("2", "4"), ("2", None), (None, "3"), ("0", "0"))]),
        (TESTED, [trace("t", "2"), trace("t", "3")]),
        (VALUES, [trace("v", "2", None)]),
    ]
    assert Judge(ORACLES, LOOSE).parts(answers, workers=1) == {
        "e": [(True, True), (True, False), (True, False), (False, True), (False, False)],
        "t": [(True,), (False,)],
        "v": [(False,)],
    }


def test_the_longest_expected_value_is_that_of_any_oracle_but_tests() -> None:
    long = replace(ORACLES["e"], expected=("2", "9" * 30))
    assert Judge({**ORACLES, "e": long}, LOOSE).longest() == 30
    assert Judge({"t": ORACLES["t"]}, LOOSE).longest() == 0


def test_a_problem_without_answers_has_no_verdicts() -> None:
    assert Judge(ORACLES, LOOSE)([(TESTED, []), (VALUES, [])], workers=1) == {"t": [], "v": []}
    assert Judge(ORACLES, LOOSE)([], workers=1) == {}


def test_every_kind_of_oracle_has_its_way() -> None:
    assert {Oracle, *HARNESSES, *SANDBOXED} == {type(oracle) for oracle in ORACLES.values()}


def test_the_rule_of_equality_is_that_of_the_oracles_class() -> None:
    """A tuple of a list in a list, and a value in a list of its own: LiveCodeBench's ``==``, APPS's two leniencies."""
    expected, given_ = "[[1]]", {"tuple inside": '[{"t":[1]}]', "wrapped": "[[[1]]]", "equal": "[[1]]"}
    judge = Judge({kind.__name__: kind(kind.__name__, (expected,)) for kind in (Oracle, *HARNESSES)}, LOOSE)
    problems = [Problem(name, "", "", "f", ("(1,)",), "test", "") for name in judge.oracles]
    found = judge([(p, [trace(p.id, value) for value in given_.values()]) for p in problems], workers=1)
    assert found == {
        "Oracle": [True, False, True],  # LOOSE: list_equals_tuple
        "LiveCodeBenchOracle": [False, False, True],
        "AppsOracle": [True, False, True],
        "WrappedAppsOracle": [True, True, True],
    }


def test_judging_advances_by_one_for_each_problem() -> None:
    answers = [
        (TESTED, [trace("t", "2"), trace("t", "3")]),
        (VALUES, [trace("v", "2", "0")]),
        (MORE, [trace("e", "2", "3"), trace("e", "2", "4"), trace("e", None, None)]),
        (replace(MORE, id="n"), [trace("n", None, None)]),  # nothing of it is run
    ]
    calls: list[int] = []
    Judge({**ORACLES, "n": replace(ORACLES["e"], problem_id="n")}, LOOSE)(answers, 1, calls.append)
    assert calls == [1] * 4


def test_problems_of_evalplus_are_done_one_by_one() -> None:
    names = [f"e{k}" for k in range(3)]
    oracles = {
        name: EvalPlusOracle(name, "def f(x):\n    return x + 1\n", ("2", "3"), "humaneval/f", 0.0, 1) for name in names
    }
    answers = [(replace(MORE, id=name), [trace(name, "2", "3"), trace(name, "2", "4")]) for name in names]
    calls: list[int] = []
    Judge(oracles, LOOSE)(answers, 1, calls.append)
    assert calls == [1, 1, 1]


def test_what_cannot_be_judged_is_named() -> None:
    with pytest.raises(ValueError, match="problem t has no oracle"):
        Judge({}, LOOSE)([(TESTED, [])], workers=1)
    with pytest.raises(ValueError, match="problem v: 1 outcomes against 2 expected values"):
        Judge(ORACLES, LOOSE)([(VALUES, [trace("v", "2")])], workers=1)


def test_an_oracle_of_another_class_is_refused_before_anything_is_judged() -> None:
    class MyOracle(Oracle):
        __slots__ = ()

    with pytest.raises(ValueError, match=r"problem v: there is no way to judge by a MyOracle; .* AppsOracle, E"):
        Judge({"t": ORACLES["t"], "v": MyOracle("v", ("2", "3"))}, LOOSE)


def test_any_data_set_with_oracles_is_a_benchmark() -> None:
    data = MiniPy("test", 10, 0)
    task, other = DatasetBenchmark(data, LOOSE)(), MiniPyBenchmark("test", 10, 0, LOOSE)()
    assert list(task.problems) == list(other.problems)
    assert task.judge == other.judge
    assert DatasetBenchmark(data, LOOSE).fingerprint() == data.fingerprint()


def test_a_data_set_that_cannot_judge_all_its_problems_is_no_benchmark(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "mine.jsonl", [{"statement": "Echo.", "inputs": ["1"]}])
    with pytest.raises(ValueError, match=r"1 problems of the benchmark cannot be judged, mine/1 first"):
        DatasetBenchmark(Jsonl(str(path), strict=True, prefix=""), LOOSE)()
    row = {
        "task_id": "a",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "canonical_solution": "    return x\n",
        "test": "def check(candidate):\n    assert candidate(1) == 1\n    assert candidate(2) == 2\n",
    }
    path = write_lines(tmp_path / "tests.jsonl", [row])
    with pytest.raises(ValueError, match="max_inputs"):
        DatasetBenchmark(HumanEval(str(path), "", "", (), strict=True, max_inputs=1), LOOSE)()
    assert len(DatasetBenchmark(HumanEval(str(path), "", "", (), strict=True, max_inputs=2), LOOSE)().problems) == 1
