"""The benchmarks of conf/benchmark as a user chooses them: several at once, from the hub or from a local copy."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from conself.benchmarks.task import Task
from conself.records import Problem
from tests.benchmarks.answering import verdicts
from tests.datasets.writing import write_lines

CONF = Path(__file__).parents[2] / "conf"
HUMANEVAL = {
    "task_id": "HumanEval/900",
    "prompt": 'def inc(x: int) -> int:\n    """ Add one. """\n',
    "entry_point": "inc",
    "canonical_solution": "    return x + 1\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n",
}
MBPP = {
    "task_id": 900,
    "prompt": "Write a function to add one.",
    "code": "def inc(x):\n    return x + 1\n",
    "test_imports": [],
    "test_list": ["assert inc(1) == 2"],
}


def composed(*words: str) -> Any:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", list(words)).benchmark


def test_two_benchmarks_at_once_from_local_files(tmp_path: Path) -> None:
    files = write_lines(tmp_path / "h.jsonl", [HUMANEVAL]), write_lines(tmp_path / "m.jsonl", [MBPP])
    names = "humaneval", "mbpp"
    paths = [f"benchmark.{name}.dataset.path={file}" for name, file in zip(names, files, strict=True)]
    found = composed("benchmark=[humaneval,mbpp]", *paths)
    assert tuple(found) == names
    for name in names:
        task: Task = instantiate(found[name], _convert_="all")()
        (problem,) = task.problems
        assert isinstance(problem, Problem)
        bodies = [
            problem.starter_code + body for body in ("    return x + 1\n", "    return 1 + x\n", "    return x\n")
        ]
        assert verdicts(task.judge, task.problems, {problem.id: bodies}) == {problem.id: [True, True, False]}


def test_the_validation_sets_are_not_the_benchmarks() -> None:
    """docs/method.md#curriculum: tau is chosen on TACO's test split; the embedded world has a validation split."""
    found = composed("benchmark=[taco_validation,minipy_validation,minipy]")
    assert (found.taco_validation.dataset.split, found.taco_validation.dataset.decontaminate) == ("test", None)
    assert (found.minipy_validation.split, found.minipy.split) == ("validation", "test")


def test_every_benchmark_of_real_problems_judges_all_inputs() -> None:
    found = composed("benchmark=[humaneval,humaneval_plus,mbpp,mbpp_plus]")
    assert [node.dataset.max_inputs for node in found.values()] == [None] * 4


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_long_right_outputs_fit_into_the_limits_of_the_benchmarks_that_have_them(name: str) -> None:
    """HumanEval/130 wants lists of a million numbers: 19 MB. What other benchmarks run under stays as it was."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for choice, limit in (("humaneval", 1024), ("humaneval_plus", 20480), ("humaneval,mbpp_plus", 20480)):
            assert compose(name, [f"benchmark=[{choice}]"]).judging.output_kb == limit
        chosen = compose(name, ["benchmark=[humaneval_plus]", "judging.output_kb=9"])
    assert chosen.judging.output_kb == 9


def test_leetcode_serves_the_choice_of_tau() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["experiment=select_tau", "dataset=leetcode"])
    assert config.dataset.split == "train"
    assert list(config.benchmark) == ["leetcode_validation"]
    assert config.benchmark.leetcode_validation.dataset.split == "validation"


def test_a_data_set_can_be_trained_on_with_fewer_inputs(tmp_path: Path) -> None:
    test = "def check(candidate):\n" + "".join(f"    assert candidate({n}) == {n + 1}\n" for n in range(9))
    path = write_lines(tmp_path / "h.jsonl", [{**HUMANEVAL, "test": test}])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["dataset=humaneval", f"dataset.path={path}", "dataset.max_inputs=3"])
    data = instantiate(config.dataset, _convert_="all")
    assert [problem.inputs for problem in data()] == [("(0,)", "(1,)", "(2,)")]
    assert list(data.oracles()) == []
