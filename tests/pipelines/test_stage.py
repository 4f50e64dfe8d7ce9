"""Keys that follow from arguments."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from conself.executors.local import LocalExecutor
from conself.pipelines.context import Context
from conself.pipelines.pools import Pools
from conself.pipelines.stage import Aside, Summary, Work, stage
from conself.records import ModelRef
from conself.store.artifacts import Artifact, Stage, artifact_key
from conself.store.keys import Identified


@dataclass(frozen=True)
class Answer(Identified):
    text: str
    cost: float

    @property
    def identity(self) -> str:
        return self.text


FIRST: Aside[str] = Aside("a")


@stage("told", version=7)
def tell(
    work: Work, source: Artifact, part: DictConfig, answer: Answer, most: int | None = None, way: Aside[str] = FIRST
) -> Summary:
    """Writes what it was given."""
    (work.folder / "told.txt").write_text(f"{source.key} {part.a} {answer.text} {most} {way.value}")
    return {"most": most}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(tmp_path / "store", LocalExecutor(1), Console(quiet=True))


SOURCE = Artifact("source", "k1", Path(), reused=False)
PART = OmegaConf.create({"_target_": "conself.records.Undefined", "a": 1, "runtime": {"workers": 3}})


def test_the_key_is_that_of_the_arguments_by_name(context: Context) -> None:
    made = tell(context, "any name", SOURCE, PART, Answer("yes", 0.5))
    config = {"part": {"_target_": "conself:Undefined", "a": 1}, "answer": "yes", "most": None}
    assert made.key == artifact_key(Stage("told", 7), config, {"source": "k1"})
    assert (made.path / "told.txt").read_text() == "k1 1 yes None a"
    assert made.summary() == {"most": None}
    assert context.artifacts == {"any name": made}


@pytest.mark.parametrize(
    ("change", "is_other"),
    [
        ({"source": Artifact("source", "k2", Path(), reused=False)}, True),
        ({"source": Artifact("elsewhere", "k1", Path("/x"), reused=True)}, False),
        ({"part": OmegaConf.merge(PART, {"a": 2})}, True),
        ({"part": OmegaConf.merge(PART, {"runtime": {"workers": 9}})}, False),
        ({"answer": Answer("no", 0.5)}, True),
        ({"answer": Answer("yes", 9.5)}, False),
        ({"most": 3}, True),
        ({"way": Aside("b")}, False),
    ],
)
def test_what_changes_results_changes_the_key_and_nothing_else(
    change: dict[str, Any], is_other: bool, context: Context
) -> None:
    given: dict[str, Any] = {"source": SOURCE, "part": PART, "answer": Answer("yes", 0.5)}
    first, second = tell(context, "one", **given), tell(context, "two", **(given | change))
    assert (first.key != second.key) is is_other
    assert second.reused is not is_other


def test_an_argument_that_cannot_stand_in_a_key_is_refused(context: Context) -> None:
    with pytest.raises(TypeError, match="set cannot be part of a key: give it an `identity`, or pass it as Aside"):
        tell(context, "x", SOURCE, PART, Answer("yes", 0.5), {1})  # type: ignore[arg-type]


@stage("told", version=8)
def tell_more(work: Work, most: int) -> Summary:  # noqa: ARG001
    """Another version of the same kind of result."""
    return {}


def test_results_of_another_version_are_told_once(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=300)
    old, new = (Context(tmp_path / "store", LocalExecutor(1), console) for _ in range(2))
    tell(old, "old", SOURCE, PART, Answer("yes", 0.5))
    tell(old, "old", SOURCE, PART, Answer("no", 0.5))
    assert isinstance(console.file, io.StringIO)
    assert "another version" not in console.file.getvalue()
    for most in (1, 2):
        tell_more(new, f"new {most}", most)
    said = [line for line in console.file.getvalue().splitlines() if "another version" in line]
    assert said == [
        f"{tmp_path / 'store'} has results of another version of ConSelf (told: 7, now 8): they are not used, and made "
        "again; artifacts=FOLDER takes another store"
    ]
    tell_more(Context(tmp_path / "store", LocalExecutor(1), console), "newer", 3)
    assert console.file.getvalue().count("another version") == 1, "the store has results of this version, too"


def test_a_manifest_that_cannot_be_read_harms_nothing(context: Context) -> None:
    (context.root / "told" / "x").mkdir(parents=True)
    (context.root / "told" / "x" / "manifest.json").write_text("")
    assert not tell_more(context, "more", 1).reused


@stage("read", version=1)
def read(work: Work, pools: Pools, model: ModelRef) -> Summary:  # noqa: ARG001
    """Reads nothing."""
    return {}


def test_pools_are_known_by_their_three_artifacts_and_a_model_by_its_content(context: Context, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    model = ModelRef(str(tmp_path), None, None, "float32", "sdpa", None)
    three = [Artifact(name, name * 2, Path(), reused=False) for name in "pct"]
    first = read(context, "x", Pools(*three), model)
    assert first.manifest()["inputs"] == {"problems": "pp", "candidates": "cc", "traces": "tt"}
    (tmp_path / "config.json").write_text("{ }")
    assert read(context, "x", Pools(*three), model).key != first.key
