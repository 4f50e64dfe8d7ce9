"""A data set is its content: what was made from other content is never taken for it."""

import json
from pathlib import Path

from omegaconf import OmegaConf
from rich.console import Console

from conself import stages
from conself.benchmarks.minipy import MiniPyBenchmark
from conself.comparison import Comparison
from conself.datasets.minipy import MiniPy
from conself.workers import Workers

EXACT = Comparison(list_equals_tuple=True, float_digits=6, split_whitespace=True)


def key_of(path: Path, store: Path) -> str:
    config = OmegaConf.create({"_target_": "conself.datasets.jsonl.Jsonl", "path": str(path), "strict": True})
    return stages.problems(stages.Context(store, Workers(1), Console(quiet=True)), config).key


def test_an_edited_file_is_another_artifact_under_the_same_settings(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"statement": "Echo.", "inputs": ["1"]}))
    first = key_of(path, tmp_path / "store")
    assert key_of(path, tmp_path / "store") == first
    path.write_text(json.dumps({"statement": "Echo.", "inputs": ["2"]}))
    assert key_of(path, tmp_path / "store") != first


def test_the_embedded_world_is_known_by_what_it_generates() -> None:
    one = MiniPy("train", 20, 0)
    assert one.fingerprint() == MiniPy("train", 20, 0).fingerprint()
    others = [MiniPy("train", 21, 0), MiniPy("train", 20, 1), MiniPy("validation", 20, 0)]
    assert len({one.fingerprint(), *(other.fingerprint() for other in others)}) == 4


def test_problems_and_oracles_of_the_embedded_world_belong_together() -> None:
    data, task = MiniPy("test", 20, 0), MiniPyBenchmark("test", 20, 0, EXACT)()
    assert list(data()) == list(task.problems)
    assert {oracle.problem_id: oracle for oracle in data.oracles()} == task.judge.oracles
    for problem in task.problems:
        assert len(task.judge.oracles[problem.id].expected) == len(problem.inputs)
