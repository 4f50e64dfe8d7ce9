"""Execution that begins while candidates are still drawn: with processes here as the machines of a cluster."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from rich.console import Console

from conself.executors.executor import Runner
from conself.executors.local import LocalExecutor
from conself.pipelines.ahead import executing_ahead
from conself.pipelines.executed import Executed
from conself.pipelines.execution import execute_into
from conself.pipelines.pools import shards_of
from conself.pipelines.sampling import sample_into
from conself.pipelines.shards import SHARD, cut, write_shards
from conself.records import Candidate, Problem
from conself.sandbox import isolation
from conself.store.tables import read_traces
from tests.pipelines.test_execution import CLOCK, LIMITS, Bench
from tests.pipelines.test_sampling import Cut


@dataclass(frozen=True)
class OfItsOwn:
    """A machine that is not the one that draws."""

    inner: LocalExecutor
    overlaps: bool
    workers: int = 1
    threads: int = 1

    def run(self, function, tasks):  # type: ignore[no-untyped-def]
        return self.inner.run(function, tasks)


class Cluster(LocalExecutor):
    """Its machines are another executor's workers."""

    other: LocalExecutor
    overlaps = True

    def machines(self) -> Runner:
        return OfItsOwn(self.other, self.overlaps)


@dataclass(frozen=True)
class Slow:
    """Draws a program that tells the time for each problem; waits for a file before it draws the last shard."""

    runtime: Cut
    go: Path
    worth_a_call: int = 1

    def settled(self, model: None) -> Self:  # noqa: ARG002
        return self

    def __call__(self, problems: Iterable[Problem], model: None) -> Iterator[list[Candidate]]:  # noqa: ARG002
        for number, problem in enumerate(problems):
            while number == SHARD and not self.go.exists():
                time.sleep(0.05)
            code = f"{CLOCK}# {problem.id}".replace("0.1", "0.01")
            yield [Candidate(problem.id, 0, None, code, code, "stop", None, None, None, 1)]


@pytest.mark.parametrize("overlaps", [True, False])
def test_a_shard_is_executed_while_the_next_is_drawn(tmp_path: Path, overlaps: bool) -> None:
    problems = [Problem(f"p{i}", "s", "", "f", ("(1,)",), "", "") for i in range(SHARD + 2)]
    for name in ("problems", "drawn", "traces"):
        (tmp_path / name).mkdir()
    write_shards(tmp_path / "problems", "problems", Problem, cut(problems))
    kept, go = tmp_path / "kept", tmp_path / "go"
    with LocalExecutor(1) as other, Cluster(1) as executor:
        executor.other, executor.overlaps = other, overlaps
        bench = Bench(executor, Console(quiet=True))
        if not overlaps:
            go.touch()

        def written(path: Path) -> None:
            add(path)
            deadline = time.monotonic() + 100
            while overlaps and not go.exists() and not list(kept.glob("*.parquet")):
                assert time.monotonic() < deadline, "nothing was executed meanwhile"
                time.sleep(0.05)
            go.touch()

        with executing_ahead(executor, lambda: LIMITS, kept, tmp_path / "problems") as add:
            sampler = Slow(Cut(1, 3), go)
            sample_into(bench, tmp_path / "drawn", "candidates", "", sampler, None, problems, written)  # type: ignore[arg-type]
        drawn = time.time()
        assert len(list(kept.glob("*.parquet"))) >= overlaps, "what was executed is kept by what was run"
        assert not list(kept.glob(".ahead*"))
        shards = shards_of(tmp_path / "problems", "candidates", tmp_path / "drawn", tmp_path / "traces")
        found = execute_into(bench, tmp_path / "traces", "", LIMITS, shards, Executed(kept, isolation(LIMITS)))
    assert found["executions"] == SHARD + 2
    traces = read_traces(tmp_path / "traces", "traces")
    early = {name for name, [trace] in traces.items() if float(json.loads(trace.outcomes[0].value)["f"]) < drawn}
    assert {f"p{i}" for i in range(SHARD)} <= early if overlaps else not early
