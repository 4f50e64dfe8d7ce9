import ast
import gzip
import json
from pathlib import Path

import pytest

from conself.datasets.humaneval import HumanEval
from conself.harness.record import record_calls
from conself.harness.reference_outputs import Unusable
from conself.oracles import TestOracle
from conself.records import Problem

DATA = Path(__file__).parents[3] / "shared" / "data"
GOLDEN = DATA / "pools" / "codegen16b" / "inputs.jsonl"
PROGRAM = "def add(a, b=1):\n    return a + b\n"


def recorded(*tests: str, program: str = PROGRAM) -> list[tuple[str, ...] | Unusable]:
    return list(record_calls([(TestOracle("p", program, test), "add") for test in tests]))


def test_each_problem_has_its_own_calls_in_the_given_order() -> None:
    assert recorded("assert add(1, 2) == 3", "assert add([1], b=[2]) == [1, 2]\nassert add(0) == 1") == [
        ("(1, 2)",),
        ("([1], [2])", "(0,)"),
    ]


def test_no_expected_value_is_among_them() -> None:
    (calls,) = recorded("expected = 424242\nassert add(424240, 2) == expected")
    assert calls == ("(424240, 2)",)


def test_tests_that_draw_their_inputs_draw_the_same_every_time() -> None:
    test = "import random\nfor _ in range(5):\n    a = random.random()\n    assert add(a) == a + 1\n"
    first, second = recorded(test, test)
    assert first == second
    assert isinstance(first, tuple)
    assert len(first) == 5


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ("add(1, float('nan'))", "an input of its tests is no literal"),
        ("class A(int): pass\nadd(A(1))", "an input of its tests is no literal"),
        ("assert add(1) == 3", "its own solution does not pass its tests (AssertionError)"),
        ("import no_such_package", "its solution or tests need a package that is missing"),
        ("raise SystemExit(3)", "its own solution does not pass its tests (exit)"),
    ],
)
def test_what_cannot_be_recorded_has_a_reason(test: str, reason: str) -> None:
    assert recorded(test, "add(1)") == [Unusable(reason), ("(1,)",)]


def test_tests_may_use_numpy() -> None:
    assert recorded("import numpy as np\nassert np.allclose(add(0.5), 1.5)") == [("(0.5,)",)]


@pytest.mark.skipif(not GOLDEN.is_file(), reason=f"the golden inputs are not at {GOLDEN}")
def test_all_inputs_of_humaneval_are_those_recorded_by_another_implementation() -> None:
    """Equal texts in equal order; the golden file keeps 30 of each problem and says how many there are."""
    golden = {record["task_id"]: record for record in map(json.loads, GOLDEN.read_text().splitlines())}
    data = HumanEval(str(DATA / "HumanEval.jsonl.gz"), "", "", (), strict=True, max_inputs=None)
    found = {problem.id: problem for problem in data() if isinstance(problem, Problem)}
    assert len(found) == len(golden) == 164
    for name, record in golden.items():
        values = [value["json"] if "json" in value else ast.literal_eval(value["py"]) for value in record["inputs"]]
        assert list(found[name].inputs[:30]) == [repr(tuple(value)) for value in values]
        assert len(found[name].inputs) == record["n_unique"]
        assert found[name].entry_point == record["entry_point"]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared data is not at {DATA}")
def test_expected_values_of_humaneval_are_in_no_problem() -> None:
    """HumanEval/2 asks for the decimal part of 3.5, 1.33 and 123.456: its tests hold 0.456, its problem must not."""
    with gzip.open(DATA / "HumanEval.jsonl.gz", "rt") as lines:
        rows = {row["task_id"]: row for row in map(json.loads, lines)}
    assert "0.456" in rows["HumanEval/2"]["test"]
    data = HumanEval(str(DATA / "HumanEval.jsonl.gz"), "", "", (), strict=True, max_inputs=None)
    problem = next(p for p in data() if p.id == "HumanEval/2")
    assert isinstance(problem, Problem)
    assert problem.inputs == ("(3.5,)", "(1.33,)", "(123.456,)")
    assert "0.456" not in repr(problem)
