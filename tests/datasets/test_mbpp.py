import ast
import json
from pathlib import Path
from typing import Any

import pytest

from conself.datasets.mbpp import Mbpp, called_function, signature
from conself.datasets.mbpp_plus import MbppPlus
from conself.datasets.validation import Rejected
from conself.records import Problem
from tests.datasets.writing import write_lines, write_parquet

SHARED = Path(__file__).parents[3] / "shared" / "data" / "mbpp_sanitized.jsonl"
CODE = "import math\ndef half(x):\n    return x / 2\ndef mean_of(a, b: int = 0, *rest):\n    return half(a + b)\n"
HUB = {
    "source_file": "Benchmark Questions Verification V2.ipynb",
    "task_id": 900,
    "prompt": "Write a function to find the mean of two numbers.",
    "code": CODE,
    "test_imports": ["import math"],
    "test_list": ["assert math.isclose(mean_of(1, 2), 1.5)", "assert mean_of(4) == 2"],
}
PLUS = {
    **HUB,
    "test": "import numpy as np\n\ninputs = [[1, 2], [4], [10, 20]]\nresults = [1.5, 2, 15]\n"
    "for i, (inp, exp) in enumerate(zip(inputs, results)):\n    assert np.allclose(mean_of(*inp), exp)\n",
}
CODET = {
    "task_id": "Mbpp/56",
    "text": "Write a python function to check if a number is even.",
    "prompt": "import math\ndef even(n):\n    '''\n    Write a python function to check if it is even.\n    '''\n",
    "entry_point": "check",
    "solution": "import math\ndef even(n):\n    return math.fmod(n, 2) == 0\ndef check(n):\n    return even(n)\n",
    "test": "def check(candidate):\n    assert candidate(70) == True\n    assert candidate(23) == False\n",
}


def data(path: Path, kind: type[Mbpp] = Mbpp, strict: bool = True, shown: int = 0) -> Mbpp:
    return kind(str(path), "google-research-datasets/mbpp", "main", ("sanitized/*.parquet",), strict, None, shown)


def only(found: Mbpp) -> Problem:
    (problem,) = found()
    assert isinstance(problem, Problem)
    return problem


def test_a_row_of_the_hub(tmp_path: Path) -> None:
    problem = only(data(write_lines(tmp_path / "a.jsonl", [HUB])))
    assert (problem.id, problem.entry_point, problem.source) == ("Mbpp/900", "mean_of", "MBPP")
    assert problem.statement == HUB["prompt"]
    assert problem.starter_code == "def mean_of(a, b: int=0, *rest):\n"
    assert problem.inputs == ("(1, 2)", "(4,)")
    assert problem.prefix.endswith("\nimport math\n")


@pytest.mark.parametrize(
    ("row", "assertion"),
    [(HUB, "assert math.isclose(mean_of(1, 2), 1.5)"), (CODET, "assert check(70) == True")],
    ids=["hub", "codet"],
)
def test_a_benchmark_shows_one_assertion_and_is_recognised_without_it(
    row: dict[str, Any], assertion: str, tmp_path: Path
) -> None:
    found = data(write_lines(tmp_path / "a.jsonl", [row]), shown=1)
    sentence = row.get("text", row["prompt"])
    assert only(found).statement == f"{sentence}\n\nFor example:\n{assertion}"
    assert list(found.statements()) == [sentence]


def test_nothing_of_tests_and_solution_is_shown(tmp_path: Path) -> None:
    problem = only(data(write_lines(tmp_path / "a.jsonl", [HUB])))
    assert "1.5" not in repr(problem)
    assert "half" not in repr(problem)


def test_all_splits_of_the_repository_are_read(tmp_path: Path) -> None:
    (tmp_path / "sanitized").mkdir()
    (tmp_path / "full").mkdir()
    write_parquet(tmp_path / "sanitized" / "test-00000-of-00001.parquet", [HUB])
    write_parquet(tmp_path / "sanitized" / "train-00000-of-00001.parquet", [{**HUB, "task_id": 901}])
    write_parquet(tmp_path / "full" / "test-00000-of-00001.parquet", [{**HUB, "task_id": 902}])
    assert [problem.id for problem in data(tmp_path)()] == ["Mbpp/900", "Mbpp/901"]


def test_a_row_of_codet_whose_function_is_called_as_its_test_is(tmp_path: Path) -> None:
    found = data(write_lines(tmp_path / "a.jsonl", [CODET]))
    problem = only(found)
    assert (problem.id, problem.entry_point) == ("Mbpp/56", "check")
    assert problem.inputs == ("(70,)", "(23,)")
    assert problem.starter_code == "def check(n):\n"
    assert problem.prefix.endswith("\nimport math\n")
    assert list(found.statements()) == [CODET["text"]]
    assert [oracle.problem_id for oracle in found.oracles()] == ["Mbpp/56"]


def test_starter_code_and_the_body_of_a_function_are_a_program(tmp_path: Path) -> None:
    problem = only(data(write_lines(tmp_path / "a.jsonl", [HUB])))
    world: dict[str, Any] = {}
    exec(problem.prefix + problem.starter_code + "    return (a + b) / 2\n", world)
    assert world["mean_of"](1, 2) == 1.5


def test_mbpp_plus_takes_its_whole_script(tmp_path: Path) -> None:
    problem = only(data(write_lines(tmp_path / "a.jsonl", [PLUS]), MbppPlus))
    assert (problem.id, problem.entry_point, problem.source) == ("Mbpp/900", "mean_of", "MBPP+")
    assert problem.inputs == ("(1, 2)", "(4,)", "(10, 20)")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**HUB, "code": "def other(): pass"}, "malformed record"),
        ({**HUB, "code": "def mean_of(:"}, "malformed record"),
        ({**HUB, "test_list": "assert mean_of(1) == 0.5"}, "malformed record"),
        ({**CODET, "entry_point": "odd"}, "malformed record"),
        ({key: value for key, value in HUB.items() if key != "code"}, "a field is missing"),
    ],
)
def test_bad_rows(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    path = write_lines(tmp_path / "a.jsonl", [row])
    (found,) = data(path, strict=False)()
    assert isinstance(found, Rejected)
    assert found.reason == reason
    with pytest.raises(ValueError, match=reason):
        list(data(path)())


def test_of_several_functions_that_the_tests_call_the_last_is_meant() -> None:
    code = "def make(n): return [n]\ndef size(x): return len(x)\ndef unused(): pass\n"
    assert called_function(code, ["assert size(make(3)) == 1"]) == "size"
    assert signature("def f(a, *, b: str = 'x') -> int:\n    return 1", "f") == "def f(a, *, b: str='x') -> int:\n"


@pytest.mark.skipif(not SHARED.is_file(), reason=f"sanitized MBPP is not at {SHARED}")
def test_the_function_of_all_of_mbpp() -> None:
    """The file names the function; it is found without that, from code and assertions, as for rows of the hub."""
    rows = [json.loads(line) for line in SHARED.read_text().splitlines()]
    assert len(rows) == 427
    for row in rows:
        (check,) = (node for node in ast.parse(row["test"]).body if isinstance(node, ast.FunctionDef))
        lines = [ast.unparse(statement).replace("candidate(", f"{row['entry_point']}(") for statement in check.body]
        assert called_function(row["solution"], lines) == row["entry_point"]
