"""Training problems and benchmarks are kept apart, whatever the data set."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from rich.console import Console

from conself.datasets.dataset import Dataset
from conself.executors.local import LocalExecutor
from conself.pipelines import evaluation, stages
from conself.pipelines.contamination import decontaminate
from conself.pipelines.context import Context
from conself.pipelines.parts import Source
from conself.pipelines.preference.checks import check_trained_on
from conself.pipelines.preference.round import measure
from conself.pipelines.provenance import refuse_own_figures, trained_on
from conself.records import Problem
from conself.results.shortfalls import losses
from conself.store.artifacts import Stage, build
from conself.store.tables import read_records
from tests.datasets.test_humaneval import ROW as HUMANEVAL
from tests.datasets.test_leetcode import made as leetcode_row
from tests.datasets.test_mbpp import HUB as MBPP
from tests.datasets.writing import write_lines

CONF = Path(__file__).parents[2] / "conf"
STATED = "Write a function to find the mean of two numbers."


class Stated:
    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def statements(self) -> Iterator[str]:
        return iter(self.texts)

    def fingerprint(self) -> str:
        return "that of the file, whatever is taken of it"


def context(store: Path) -> Context:
    return Context(store, LocalExecutor(1), Console(quiet=True))


def source(here: Context, folder: Path, *statements: str) -> stages.Artifact:
    lines = [{"id": f"p{n}", "statement": text, "inputs": ["1"]} for n, text in enumerate(statements)]
    path = write_lines(folder / "mine.jsonl", lines)
    config = OmegaConf.create(
        {"_target_": "conself.datasets.jsonl.Jsonl", "path": str(path), "strict": True, "prefix": ""}
    )
    return stages.problems(here, "problems", Source.of(config, Dataset), None)


def test_a_problem_of_a_users_own_file_that_states_a_benchmarks_is_dropped_and_counted(tmp_path: Path) -> None:
    here = context(tmp_path / "store")
    found = source(here, tmp_path, "Echo.", f"Task 7. {STATED.upper()} Print it.", "Double it.")
    cleaned = decontaminate(
        here, "decontaminate", found, {"mbpp": Stated(STATED), "other": Stated("Something else.")}, 8
    )
    assert [problem.id for problem in read_records(cleaned.path, Problem, "problems")] == ["p0", "p2"]
    assert cleaned.summary() == {"total": 2, "dropped": {"stated in mbpp": 1}, "stated": 1}


def test_other_statements_of_the_same_benchmark_are_another_result(tmp_path: Path) -> None:
    """Even where its fingerprint says nothing of them, as that of a file of which a split is taken."""
    here = context(tmp_path / "store")
    found = source(here, tmp_path, STATED, "Echo.")
    assert decontaminate(here, "decontaminate", found, {"mbpp": Stated("Something else.")}, 8) is found
    assert decontaminate(here, "decontaminate", found, {"mbpp": Stated(STATED)}, 8).summary()["dropped"] == {
        "stated in mbpp": 1
    }


def test_what_was_dropped_is_counted_once(tmp_path: Path) -> None:
    here = context(tmp_path / "store")
    found = source(here, tmp_path, STATED, "Echo.")
    cleaned = decontaminate(here, "decontaminate", found, {"mbpp": Stated(STATED)}, 8)
    assert losses({"problems": cleaned}) == {"problems": {"left_out": {"stated in mbpp": 1}}}


def test_where_nothing_is_stated_all_keys_stay_as_they_were(tmp_path: Path) -> None:
    here = context(tmp_path / "store")
    found = source(here, tmp_path, "Echo.")
    assert decontaminate(here, "decontaminate", found, {"mbpp": Stated(STATED)}, 8) is found
    assert decontaminate(here, "decontaminate", found, {}, 8) is found
    assert decontaminate(here, "decontaminate", found, {"disjoint": Stated()}, 8) is found


def test_a_data_set_of_nothing_but_benchmark_problems_is_refused(tmp_path: Path) -> None:
    here = context(tmp_path / "store")
    found = source(here, tmp_path, STATED)
    with pytest.raises(ValueError, match=r"all 1 problems of the data set are stated in a benchmark.*stated in mbpp"):
        decontaminate(here, "decontaminate", found, {"mbpp": Stated(STATED)}, 8)


@pytest.mark.parametrize("dataset", ["jsonl", "leetcode", "apps"])
def test_a_round_trains_on_no_problem_of_its_benchmarks_whatever_the_data_set(dataset: str, tmp_path: Path) -> None:
    """All problems there are state one: the round ends before anything is sampled."""
    tests = json.dumps({"inputs": ["1\n"], "outputs": ["1\n"]})
    rows = {
        "jsonl": [{"id": "p", "statement": STATED, "inputs": ["1"]}],
        "leetcode": [leetcode_row(name, STATED if name == "a" else f"Held out: {name}.") for name in "abc"],
        "apps": [{"problem_id": 1, "question": STATED, "input_output": tests, "difficulty": "interview"}],
    }
    path = write_lines(tmp_path / "train.jsonl", rows[dataset])
    words = {
        "jsonl": [],
        "leetcode": ["dataset.validation_size=1", "dataset.test_size=1"],
        "apps": ["dataset.decontaminate=null"],
    }
    file = write_lines(tmp_path / "mbpp.jsonl", [{**MBPP, "prompt": STATED}])
    places = [f"{'+' if dataset == 'jsonl' else ''}dataset.path={path}", f"benchmark.mbpp.dataset.path={file}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"dataset={dataset}", "benchmark=[mbpp]", *places, *words[dataset]])
    config = OmegaConf.create(OmegaConf.to_container(config, resolve=True))
    with pytest.raises(ValueError, match=r"all 1 problems of the data set are stated in .*: stated in mbpp"):
        measure(config, context(tmp_path / "store"), instantiate(config.model))


def test_the_embedded_world_is_left_alone(tmp_path: Path) -> None:
    """Its splits share no composition, though a long one's statement contains a shorter one's."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["dataset.size=30"])
    here = context(tmp_path)
    found = stages.problems(here, "problems", Source.of(config.dataset, Dataset), None)
    config = OmegaConf.create(OmegaConf.to_container(config, resolve=True))
    benchmarks = instantiate(config.benchmark, _convert_="all")
    assert decontaminate(here, "decontaminate", found, benchmarks, config.decontaminate_words) is found


@pytest.mark.parametrize(
    ("dataset", "benchmarks", "refused"),
    [
        ("mbpp", "mbpp", ["mbpp"]),
        ("mbpp", "humaneval,mbpp_plus,mbpp", ["mbpp_plus", "mbpp"]),
        ("mbpp_plus", "mbpp", ["mbpp"]),
        ("humaneval", "humaneval_plus", ["humaneval_plus"]),
        ("mbpp", "humaneval,humaneval_plus", []),
        ("taco", "mbpp,humaneval", []),
        ("leetcode", "leetcode_test,mbpp", []),
    ],
)
def test_who_trains_on_mbpp_gets_no_figure_on_it(dataset: str, benchmarks: str, refused: list[str]) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"dataset={dataset}", f"benchmark=[{benchmarks}]"])
    config = OmegaConf.create(OmegaConf.to_container(config, resolve=True))
    if not refused:
        check_trained_on(config)
        return
    with pytest.raises(ValueError, match=f"its problems are those of {', '.join(refused)}"):
        check_trained_on(config)


def test_an_adapter_of_the_store_is_known_by_what_it_was_made_from(tmp_path: Path) -> None:
    """Through any number of stages; a copy of the adapter elsewhere says nothing, and is not refused."""

    def made(stage: str, config: dict[str, object], **inputs: stages.Artifact) -> stages.Artifact:
        return build(tmp_path, Stage(stage, 1), config, inputs, lambda folder: (folder / "adapter").mkdir() or {})

    files = write_lines(tmp_path / "m.jsonl", [MBPP]), write_lines(tmp_path / "h.jsonl", [HUMANEVAL])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        data = compose("train", ["dataset=mbpp", f"dataset.path={files[0]}"]).dataset
    problems = stages.problems(
        stages.Context(tmp_path, LocalExecutor(1), Console(quiet=True)), "problems", Source.of(data, Dataset), None
    )
    fitted = made("fit", {}, pairs=made("pair", {}, traces=made("execute", {}, problems=problems)))
    known = trained_on(fitted.path / "adapter")
    assert list(known) == ["MBPP"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        words = [
            f"benchmark.{name}.dataset.path={file}" for name, file in zip(("mbpp", "humaneval"), files, strict=True)
        ]
        config = compose("evaluate", ["benchmark=[mbpp,humaneval]", *words])
    benchmarks = instantiate(config.benchmark, _convert_="all")
    with pytest.raises(ValueError, match=r"adapter was trained on MBPP, .* set benchmark=\[humaneval\]"):
        refuse_own_figures(known, benchmarks)
    refuse_own_figures(known, {"humaneval": benchmarks["humaneval"]})
    for trained in (f"adapter={fitted.path / 'adapter'}", f"model.name={fitted.path / 'adapter'}"):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            asked = compose("evaluate", ["benchmark=[mbpp,humaneval]", *words, trained])
        with pytest.raises(ValueError, match=r"adapter was trained on MBPP, .* set benchmark=\[humaneval\]"):
            evaluation.check(asked)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        later = compose("train", ["dataset=taco", "benchmark=[mbpp]", f"model.name={fitted.path / 'adapter'}"])
    with pytest.raises(ValueError, match=r"adapter was trained on MBPP, .* set benchmark=\[none\]"):
        check_trained_on(OmegaConf.create(OmegaConf.to_container(later, resolve=True)))
    other = made("fit", {}, pairs=made("problems", {"dataset": {"_target_": "conself.datasets.taco.Taco"}}))
    assert trained_on(other.path / "adapter") == {}
    assert trained_on(tmp_path / "elsewhere" / "adapter") == {}
