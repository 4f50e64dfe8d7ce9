"""A data set is its content: what was made from other content is never taken for it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console

from conself.agreement.comparison import Comparison
from conself.benchmarks.minipy import MiniPyBenchmark
from conself.datasets.dataset import Dataset
from conself.datasets.minipy import MiniPy
from conself.executors.local import LocalExecutor
from conself.oracles import Oracle
from conself.pipelines import answering, stages
from conself.pipelines.parts import Source
from conself.records import Problem
from conself.store.keys import located, plain
from tests.datasets.test_humaneval import ROW as FUNCTION
from tests.datasets.test_taco_files import row
from tests.datasets.writing import write_lines

CONF = Path(__file__).parents[2] / "conf"
EXACT = Comparison(list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=6, split_whitespace=True)


def key_of(path: Path, store: Path) -> str:
    config = OmegaConf.create(
        {"_target_": "conself.datasets.jsonl.Jsonl", "path": str(path), "strict": True, "prefix": ""}
    )
    return stages.problems(
        stages.Context(store, LocalExecutor(1), Console(quiet=True)), "p", Source.of(config, Dataset), None
    ).key


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


@dataclass(frozen=True)
class Somewhere:
    """A data set of a user's that does not say whether its fingerprint covers what lies at ``path``."""

    path: str

    def __call__(self) -> Iterator[Problem]:
        yield Problem("p", "Echo.", "", None, ("1",), "", "")

    def oracles(self) -> Iterator[Oracle]:
        return iter(())

    def statements(self) -> Iterator[str]:
        yield "Echo."

    def fingerprint(self) -> str:
        return "the same for all"


def problems_key(store: Path, *overrides: str) -> str:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [*overrides, "dataset.strict=false"])
    return stages.problems(
        stages.Context(store, LocalExecutor(1), Console(quiet=True)), "p", Source.of(config.dataset, Dataset), None
    ).key


def test_a_copy_elsewhere_is_the_same_data_set(tmp_path: Path) -> None:
    lines = [{"statement": "Echo.", "inputs": ["1"]}]
    one, two = (write_lines(tmp_path / place / "my.jsonl", lines) for place in "ab")
    first = problems_key(tmp_path, "dataset=jsonl", f"dataset.path={one}")
    assert problems_key(tmp_path, "dataset=jsonl", f"dataset.path={two}") == first
    assert key_of(two, tmp_path) != first, "strict is no place"
    renamed = write_lines(tmp_path / "b" / "your.jsonl", lines)
    assert problems_key(tmp_path, "dataset=jsonl", f"dataset.path={renamed}") != first, "its problems are your/1, ..."
    two.write_bytes(two.read_bytes().replace(b"1", b"2"))
    assert problems_key(tmp_path, "dataset=jsonl", f"dataset.path={two}") != first


def test_so_is_one_whose_benchmarks_lie_elsewhere(tmp_path: Path) -> None:
    """Neither the place of TACO nor that of a benchmark it is checked against counts; the content of both does."""

    def key(place: str, *more: str) -> str:
        folder = tmp_path / place
        words = [f"dataset.path={folder}/taco.jsonl", f"dataset.decontaminate.humaneval.path={folder}/humaneval.jsonl"]
        left_out = ["~dataset.decontaminate.mbpp", "~dataset.decontaminate.livecodebench"]
        return problems_key(tmp_path / "store", "dataset=taco", *words, *left_out, *more)

    for place in "ab":
        write_lines(tmp_path / place / "taco.jsonl", [row()])
        write_lines(tmp_path / place / "humaneval.jsonl", [FUNCTION])
    first = key("a")
    assert key("b") == first
    assert key("b", "dataset.preprocessing.max_pairs=1") != first
    write_lines(tmp_path / "b" / "humaneval.jsonl", [{**FUNCTION, "task_id": "HumanEval/901"}])
    assert key("b") != first
    write_lines(tmp_path / "a" / "taco.jsonl", [row("Add two number.")])
    assert key("a") != first


def test_a_benchmark_is_known_by_its_content_too(tmp_path: Path) -> None:
    answers = write_lines(tmp_path / "answers.jsonl", [{"task_id": "HumanEval/900", "completion": "    return 3"}])

    def key(place: str, *more: str) -> str:
        words = ["benchmark=humaneval", f"benchmark.humaneval.dataset.path={tmp_path}/{place}/humaneval.jsonl"]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("evaluate", [*words, f"samples={answers}", *more])
        config.decoder = config.recorded
        context = stages.Context(tmp_path / "store", LocalExecutor(1), Console(quiet=True))
        return answering.evaluate(context, "humaneval", "base", config, None).key

    for place in "ab":
        write_lines(tmp_path / place / "humaneval.jsonl", [FUNCTION])
    first = key("a")
    assert key("b") == first
    assert key("b", "comparison.float_digits=5") != first
    write_lines(tmp_path / "b" / "humaneval.jsonl", [{**FUNCTION, "canonical_solution": "    return sum(xs, start)\n"}])
    assert key("b") != first


def test_a_data_set_that_does_not_say_so_keeps_its_path(tmp_path: Path) -> None:
    context = stages.Context(tmp_path, LocalExecutor(1), Console(quiet=True))
    configs = [OmegaConf.create({"_target_": f"{__name__}.Somewhere", "path": path}) for path in ("/a", "/b")]
    assert len({stages.problems(context, "p", Source.of(config, Dataset), None).key for config in configs}) == 2


@pytest.mark.parametrize("name", sorted({path.stem for path in (CONF / "dataset").glob("*.yaml")} - {"minipy"}))
def test_of_every_data_set_the_path_alone_is_a_place(name: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        settings = OmegaConf.to_container(compose(f"dataset/{name}", ["+dataset.path=/a"]).dataset, resolve=True)
    assert isinstance(settings, dict)
    whole = plain(OmegaConf.create(settings))
    assert located(OmegaConf.create(settings)) == {key: value for key, value in whole.items() if key != "path"}
    assert located(OmegaConf.create({**settings, "path": None})) == {**whole, "path": None}, "null: the hub"
