import json
from pathlib import Path
from typing import Any

import pytest

from conself.datasets.humaneval import HumanEval
from conself.datasets.humaneval_plus import HumanEvalPlus
from conself.datasets.validation import Rejected, sift
from conself.records import Problem
from tests.datasets.writing import WRITERS, write_lines, write_parquet

PROMPT = '''import math
from typing import List


def helper(x: int) -> int:
    """ Doubles. """
    return 2 * x


def total(xs: List[int], start: int = 0) -> int:
    """ Sum of the numbers, from start on.
    >>> total([1, 2], 3)
    6
    """
'''
ROW = {
    "task_id": "HumanEval/900",
    "prompt": PROMPT,
    "entry_point": "total",
    "canonical_solution": "    return sum(xs) + start\n",
    "test": "\n\nMETADATA = {'author': 'x'}\n\n\ndef check(candidate):\n    assert candidate([1, 2]) == 3\n"
    "    assert candidate([], start=4) == helper(2)\n    assert candidate([1, 2]) == 3\n",
}
PLUS = {
    **ROW,
    "test": """import numpy as np

def close(out, exp, atol):
    assert out == exp or np.allclose(out, exp, rtol=1e-07, atol=atol)

def check(candidate):
    inputs = [[[1, 2]], [[float('inf')], 1], [[1, 2], 5]]
    results = [3, float('inf'), 8]
    for i, (inp, exp) in enumerate(zip(inputs, results)):
        close(candidate(*inp), exp, 0)
""",
}


def data(path: Path, strict: bool = True, max_inputs: int | None = None) -> HumanEval:
    return HumanEval(str(path), "openai/openai_humaneval", "main", ("openai_humaneval/*.parquet",), strict, max_inputs)


def test_a_row_becomes_a_problem_with_the_inputs_of_its_tests(tmp_path: Path) -> None:
    (problem,) = data(write_lines(tmp_path / "a.jsonl", [ROW]))()
    assert isinstance(problem, Problem)
    assert problem.inputs == ("([1, 2],)", "([], 4)")
    assert (problem.id, problem.entry_point, problem.source) == ("HumanEval/900", "total", "HumanEval")
    assert "`total`" in problem.statement
    assert problem.starter_code == PROMPT
    assert problem.prefix.endswith("import math\nfrom typing import List\n")


def test_program_prefix_and_completion_fit_together(tmp_path: Path) -> None:
    (problem,) = data(write_lines(tmp_path / "a.jsonl", [ROW]))()
    assert isinstance(problem, Problem)
    world: dict[str, Any] = {}
    exec(problem.prefix + problem.starter_code + ROW["canonical_solution"], world)
    assert world["total"]([1], 2) == 3
    exec(problem.prefix + "def f(x: Optional[List[int]]) -> Dict[str, Any]: return math.pi", world)


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_of_file_gives_the_same(tmp_path: Path, name: str) -> None:
    first = list(data(WRITERS[name](tmp_path / name, [ROW]))())
    assert first == list(data(write_lines(tmp_path / "other.jsonl", [ROW]))())


def test_the_layout_of_the_repository_is_found_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "openai_humaneval").mkdir()
    write_parquet(tmp_path / "openai_humaneval" / "test-00000-of-00001.parquet", [ROW])
    assert [problem.id for problem in data(tmp_path)()] == ["HumanEval/900"]


def test_the_oracle_holds_the_right_program_and_its_test(tmp_path: Path) -> None:
    (oracle,) = data(write_lines(tmp_path / "a.jsonl", [ROW])).oracles()
    world: dict[str, Any] = {}
    exec(oracle.program, world)
    exec(oracle.test, world)
    world["total"] = lambda *_, **__: 0
    with pytest.raises(AssertionError):
        exec(oracle.test, world)


def test_inputs_can_be_capped_but_then_there_is_no_oracle(tmp_path: Path) -> None:
    other = {**ROW, "task_id": "HumanEval/901", "test": "def check(candidate):\n    assert candidate([1]) == 1\n"}
    capped = data(write_lines(tmp_path / "a.jsonl", [ROW, other]), max_inputs=1)
    assert [p.inputs for p in capped() if isinstance(p, Problem)] == [("([1, 2],)",), ("([1],)",)]
    assert [oracle.problem_id for oracle in capped.oracles()] == ["HumanEval/901"]
    with pytest.raises(ValueError, match="max_inputs must be at least 1"):
        data(tmp_path, max_inputs=0)


def test_statements_are_the_prompts(tmp_path: Path) -> None:
    assert list(data(write_lines(tmp_path / "a.jsonl", [ROW])).statements()) == [PROMPT]


BAD: list[tuple[dict[str, Any], str]] = [
    ({key: value for key, value in ROW.items() if key != "test"}, "a field is missing"),
    ({**ROW, "prompt": 3}, "malformed record"),
    ({**ROW, "test": "def check(candidate):\n    assert candidate([1]) == 2\n"}, "does not pass its tests"),
    ({**ROW, "test": "def check(candidate):\n    candidate([float('nan')])\n"}, "is no literal"),
]


@pytest.mark.parametrize(("row", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_a_bad_row_is_skipped_named_and_counted_or_stops(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    path = write_lines(tmp_path / "a.jsonl", [{**row, "task_id": "bad"}, ROW])
    kept, dropped = sift(data(path, strict=False)())
    assert [problem.id for problem in kept] == ["HumanEval/900"]
    assert [(reason in found, n) for found, n in dropped.items()] == [(True, 1)]
    with pytest.raises(ValueError, match=rf"a\.jsonl, bad: .*{reason}.*strict=false skips it"):
        list(data(path)())


def test_a_line_that_is_no_json_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(ROW) + "\n{broken\n")
    _, second = data(path, strict=False)()
    assert isinstance(second, Rejected)
    assert second.reason == "malformed line"
    assert second.id.endswith(":2")


def test_humaneval_plus_keeps_the_ids_and_records_infinity(tmp_path: Path) -> None:
    plus = HumanEvalPlus(str(write_lines(tmp_path / "a.jsonl", [PLUS])), "evalplus/humanevalplus", "", (), True, None)
    (problem,) = plus()
    assert isinstance(problem, Problem)
    assert (problem.id, problem.source) == ("HumanEval/900", "HumanEval+")
    assert problem.inputs == ("([1, 2],)", "([1e999], 1)", "([1, 2], 5)")
    assert [oracle.problem_id for oracle in plus.oracles()] == ["HumanEval/900"]


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    first = data(write_lines(tmp_path / "a.jsonl", [ROW])).fingerprint()
    assert data(write_lines(tmp_path / "b.jsonl", [ROW])).fingerprint() == first
    assert data(write_lines(tmp_path / "a.jsonl", [PLUS])).fingerprint() != first
