"""A sampler and an engine together; and the examples of docs/engines.md, two files each, as a user would add them."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from conself.engines.engine import Ask, Complete, Demand
from conself.engines.nobody import Nobody
from conself.pipelines.parts import Drawing, asking
from conself.prompts.prompts import Prompts
from conself.records import Candidate, Problem
from conself.samplers.direct import Direct
from conself.samplers.sampler import Asking, Sampler

ROOT = Path(__file__).parents[2]
PROBLEMS = [Problem(f"p{i}", f"statement {i}", "", "f", ("(1,)",), "test", "easy") for i in range(3)]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the examples, with a file for each block of the page, which names it in the text before."""
    folder = tmp_path_factory.mktemp("examples")
    page = (ROOT / "docs" / "engines.md").read_text()
    written = re.findall(r"`(mine/[\w/]+\.(?:py|yaml))`[^`]*```\w+\n(.*?)```", page, re.DOTALL)
    for name, text in written:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    assert [name for name, _ in written] == [
        "mine/short.py",
        "mine/conf/sampler/short.yaml",
        "mine/parrot.py",
        "mine/conf/engine/parrot.yaml",
    ]
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def composed(own: Path, *words: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", [f"hydra.searchpath=[file://{own}/mine/conf]", *words])
    resolved = OmegaConf.create(OmegaConf.to_container(config, resolve=True))
    assert isinstance(resolved, DictConfig)
    return resolved


def test_an_engine_and_a_sampler_of_ones_own_are_two_files_each(own: Path) -> None:
    config = composed(own, "engine=parrot", "sampler=short", "model=hub", "model.name=owner/name")
    drawn = list(asking(config.sampler, config.engine)(PROBLEMS, None))
    assert [[c.index for c in group] for group in drawn] == [[0, 1, 2, 3]] * 3
    assert [group[0].text for group in drawn] == [2 * f"statement {i}\nOne line, please." for i in range(3)]
    assert drawn[0][0].n_tokens == 9  # statement 0 One line, please.statement 0 One line, please.


def test_any_sampler_runs_on_any_engine(own: Path) -> None:
    """The parrot is asked for observations, of which it knows none, and by the direct prompt."""
    config = composed(own, "engine=parrot", "prompts=minipy")
    (group,) = asking(config.sampler, config.engine)(PROBLEMS[:1], None)
    assert [(c.observation, c.text) for c in group] == [(None, 2 * "statement 0\n")] * 15
    assert {c.observation_asks for c in group} == {2}
    (answers,) = asking(config.decoder, config.engine)(PROBLEMS[:1], None)
    assert [c.text for c in answers] == [2 * "statement 0\n"]


def test_a_key_has_what_results_depend_on_and_nothing_else(own: Path, tmp_path: Path) -> None:
    def key(*words: str) -> object:
        config = composed(own, "engine=parrot", "sampler=short", *words)
        identity = Drawing.of(config.sampler, config.engine, None).identity
        return OmegaConf.to_container(OmegaConf.create(identity))

    first = key()
    assert first == {
        "settings": {"_target_": "mine:Short", "n": 4, "max_new_tokens": 160, "seed": 0},
        "content": "",
        "engine": {
            "_target_": "mine:Parrot",
            "times": 2,
            "runtime": {"_target_": "mine:OneProcess", "processes": 1, "threads": 1, "shards_per_task": 1},
        },
        "model": "parrot",
    }
    assert key("engine.times=3") != first
    file = tmp_path / "answers.jsonl"
    file.write_text('{"task_id": "p0", "solution": "x = 1"}\n')
    recorded = ("sampler=recorded", f"sampler.path={file}")
    assert key(*recorded) == key(*recorded, "engine.times=3"), "an engine that is not asked is no part of it"


@dataclass(frozen=True)
class Wrong(Sampler):
    """Gives ``n`` lists of candidates whatever is asked."""

    n: int

    @property
    def demand(self) -> Demand:
        return Demand(0, 0)

    def __call__(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:  # noqa: ARG002
        yield from [[]] * self.n


@pytest.mark.parametrize(("n", "words"), [(2, "nothing for problem 'p2'"), (4, "too much for problem 'p2'")])
def test_a_sampler_must_give_one_list_per_problem(n: int, words: str) -> None:
    """Else candidates would go to other problems."""
    with pytest.raises(ValueError, match=f"Wrong gave {words} and after"):
        list(Asking.of(Wrong(n), None)(PROBLEMS, None))
    assert list(Asking.of(Wrong(3), None)(PROBLEMS, None)) == [[], [], []]


def test_a_sampler_that_asks_nothing_meets_all_problems_in_one_call() -> None:
    part = Asking.of(Wrong(3), None)
    assert (part.runtime.processes, part.runtime.threads, part.worth_a_call) == (1, 1, 1)
    assert part.settled(None) == part
    assert part.runtime.shards_per_task * 50 >= 50_000_000


def test_direct_answers_each_have_their_seed() -> None:
    asked: list[Ask] = []

    def complete(asks: Sequence[Ask], drawn: object) -> list[list[object]]:  # noqa: ARG001
        asked.extend(asks)
        return [[] for _ in asks]

    prompts = Prompts(None, "{statement} {n}", "{statement}", "{observation}")
    list(Direct(3, 1.0, 1.0, 8, 15, 0, prompts)(PROBLEMS, complete))  # type: ignore[arg-type]
    seeds = [seed for ask in asked for seed in ask.seeds]
    assert [len(ask.seeds) for ask in asked] == [3, 3, 3]
    assert len(set(seeds)) == 9


def test_nobody_completes_nothing() -> None:
    prompts = Prompts(None, "{statement} {n}", "{statement}", "{observation}")
    with pytest.raises(TypeError, match="0 samples has asked for completions"):
        list(Asking(Direct(1, 0.0, 1.0, 8, 15, 0, prompts), Nobody())(PROBLEMS, None))
