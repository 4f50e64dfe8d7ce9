"""Who holds GPU memory when: on this side of CUDA, which is only said to be there."""

import gc
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psutil
import pytest
import torch
from omegaconf import OmegaConf
from rich.console import Console

from conself.agreement.traces import agreement_of
from conself.engines.engine import Complete, Demand, Engine, Flow
from conself.engines.nobody import OneCall
from conself.executors.local import LocalExecutor
from conself.pipelines import stages
from conself.pipelines.parts import Drawing
from conself.pipelines.pools import AgreedPools, Pools
from conself.pipelines.shards import SHARD, cut, missing, write_shards
from conself.records import Candidate, ModelRef, Outcome, Problem, Status, Trace, Uncertainty
from conself.samplers.sampler import Sampler
from conself.store.artifacts import Artifact
from conself.store.tables import read_records, write_agreement, write_records, write_traces


def candidate(name: str) -> Candidate:
    return Candidate(name, 0, None, "", "", "stop", None, None, None, 1)


@contextmanager
def scored(root: Path, model: dict[str, object] | None) -> Iterator[set[int]]:
    """The processes that score four shards, while their workers may still be there."""
    problems = [Problem(f"p{i}", "", "", None, ("",), "", "") for i in range(4 * SHARD)]
    folder, config = (
        root / "pool",
        OmegaConf.create({"_target_": "tests.pipelines.who_scores.WhoScores", "model": model}),
    )
    folder.mkdir(parents=True)
    write_shards(folder, "problems", Problem, cut(problems))
    write_shards(folder, "candidates", Candidate, [[candidate(p.id) for p in group] for group in cut(problems)])
    for group, path in missing(folder, "traces", cut(problems)):
        write_traces(path, [[Trace(p.id, 0, (Outcome(Status.OK, "1"),))] for p in group], {})
    for group, path in missing(folder, "agreement", cut(problems)):
        write_agreement(path, {p.id: agreement_of([]) for p in group})
    stored = [Artifact(name, name, folder, reused=True) for name in ("problems", "sample", "execute", "agree")]
    with LocalExecutor(2) as workers:
        context = stages.Context(root, workers, Console(quiet=True))
        made = stages.score(context, "score/who", config, AgreedPools(Pools(*stored[:3]), stored[3]))
        rows = read_records(made.path, Uncertainty, "uncertainty")
        yield {int(row.value) for row in rows if row.value is not None}


def test_a_metric_that_loads_a_model_has_the_gpu_to_itself_and_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}")
    ref = {"name": str(tmp_path), "revision": None, "adapter": None, "dtype": "float32", "attention": "sdpa"}
    model = {"_target_": "conself.records.ModelRef", "quantization": None, **ref}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with scored(tmp_path / "with", model) as processes:
        assert len(processes) == 1
        assert not any(map(psutil.pid_exists, processes))
    with scored(tmp_path / "without", None) as processes:
        assert any(map(psutil.pid_exists, processes)), "a metric without a model has no memory to give back"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with scored(tmp_path / "cpu", model) as processes:
        assert any(map(psutil.pid_exists, processes)), "warm workers cost nothing on a CPU"


class Knot:
    """Refers to itself, as a trainer and its model do to one another."""

    def __init__(self) -> None:
        self.itself = self


def test_what_training_has_left_is_gone_when_sampling_begins(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    gc.disable()  # not by chance
    request.addfinalizer(gc.enable)
    left = weakref.ref(Knot())
    sampler = OmegaConf.create({"_target_": f"{__name__}.SamplerOfOne"})
    engine = OmegaConf.create({"_target_": f"{__name__}.EngineThatLooks"})
    model = ModelRef(str(tmp_path), None, None, "float32", "sdpa", None)
    (tmp_path / "config.json").write_text("{}")
    source = Artifact("problems", "0" * 64, tmp_path, reused=True)
    one = Problem("p", "s", "", "f", ("(1,)",), "test", "")
    write_records(tmp_path / "problems-0000000-50.parquet", Problem, [one])
    with LocalExecutor(1) as workers:
        context = stages.Context(tmp_path, workers, Console(quiet=True))
        with pytest.raises(Exception, match="looked"):
            stages.sample(context, "sample", Drawing.of(sampler, engine, model), source)
    assert left() is None


class SamplerOfOne(Sampler):
    """Asks for one completion, if it is let."""

    demand = Demand(samples=1, tokens=1)

    def __call__(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        raise NotImplementedError


class EngineThatLooks(Engine):
    """Raises as soon as its work is to be cut, right before anything is drawn."""

    loads_model = True
    runtime = OneCall()

    def fingerprint(self, model: ModelRef | None) -> str:
        return str(model)

    def settled(self, model: ModelRef | None, demand: Demand) -> Self:  # noqa: ARG002
        raise ValueError("looked")

    def draw(
        self, problems: Iterable[Problem], flow: Flow, demand: Demand, model: ModelRef | None
    ) -> Iterator[list[Candidate]]:
        raise NotImplementedError
