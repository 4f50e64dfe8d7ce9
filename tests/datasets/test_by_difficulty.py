"""A sample of a data set by difficulty, as ZeroCoder takes 60 / 180 / 60 of APPS."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from conself.benchmarks.dataset import DatasetBenchmark
from conself.datasets.by_difficulty import ByDifficulty
from conself.datasets.validation import Rejected
from conself.oracles import Oracle
from conself.records import Problem
from tests.datasets.writing import write_lines

CONF = Path(__file__).parents[2] / "conf"


@dataclass(frozen=True)
class Levels:
    """Ten easy and five hard problems, and one of ten without a statement."""

    def __call__(self) -> Iterator[Problem | Rejected]:
        for n in range(16):
            statement = "" if n == 15 else "Echo."
            yield Problem(f"p{n}", statement, "", None, ("1",), "", "hard" if n % 3 == 2 else "easy")
        yield Rejected("q", "pictures")

    def oracles(self) -> Iterator[Oracle]:
        return (Oracle(f"p{n}", ('"1"',)) for n in range(16))

    def statements(self) -> Iterator[str]:
        return iter(["Echo."])

    def fingerprint(self) -> str:
        return "f"


def chosen(seed: int, **counts: int) -> list[str]:
    return [item.id for item in ByDifficulty(Levels(), counts, seed)() if isinstance(item, Problem)]


def test_the_first_by_a_hash_of_seed_and_id_in_the_data_sets_order() -> None:
    def rank(name: str) -> str:
        return hashlib.sha256(f"7\0{name}".encode()).hexdigest()

    hard = sorted((f"p{n}" for n in (2, 5, 8, 11, 14)), key=rank)[:2]
    easy = sorted((f"p{n}" for n in (0, 1, 3, 4, 6, 7, 9, 10, 12, 13)), key=rank)[:4]
    assert chosen(7, easy=4, hard=2) == sorted(easy + hard, key=lambda name: int(name[1:]))
    assert len({tuple(chosen(seed, easy=4, hard=2)) for seed in range(20)}) > 10
    assert set(chosen(7, easy=3, hard=2)) < set(chosen(7, easy=4, hard=2)), "a smaller sample is part of a larger one"


def test_too_few_problems_and_wrong_counts() -> None:
    with pytest.raises(ValueError, match=r"too few usable problems: 10 of 'easy' for 11; there are .*'hard': 5"):
        chosen(0, easy=11)
    with pytest.raises(ValueError, match=r"0 of 'medium' for 1; .* lower dataset\.counts\.D.* ~dataset\.counts\.D"):
        chosen(0, easy=3, medium=1)
    for counts in ({}, {"easy": 0}):
        with pytest.raises(ValueError, match=r"dataset\.counts must give .* ~dataset\.counts"):
            ByDifficulty(Levels(), counts, 0)


def test_what_the_data_set_drops_is_still_counted() -> None:
    assert [item.reason for item in ByDifficulty(Levels(), {"easy": 1}, 0)() if isinstance(item, Rejected)] == [
        "pictures"
    ]


def apps_row(number: int, level: str) -> dict[str, Any]:
    tests = '{"inputs": ["1\\n", "2\\n"], "outputs": ["1\\n", "2\\n"]}'
    return {"problem_id": number, "question": f"Echo {number}.", "input_output": tests, "difficulty": level}


def test_the_benchmark_apps_takes_its_three_counts_and_all_tests(tmp_path: Path) -> None:
    levels = ["introductory"] * 70 + ["interview"] * 200 + ["competition"] * 61
    path = write_lines(tmp_path / "test.jsonl", [apps_row(n, level) for n, level in enumerate(levels)])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        words = ["benchmark=[apps]", f"benchmark.apps.dataset.dataset.path={path}"]
        benchmark = instantiate(compose("evaluate", words).benchmark.apps, _convert_="all")
    assert isinstance(benchmark, DatasetBenchmark)
    task = benchmark()
    counts = Counter(problem.difficulty for problem in task.problems)
    assert counts == {"introductory": 60, "interview": 180, "competition": 60}
    assert {len(problem.inputs) for problem in task.problems} == {2}
