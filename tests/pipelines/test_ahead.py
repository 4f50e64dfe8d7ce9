"""Execution that begins while candidates are still drawn: by another thread, as the machines of a cluster."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from rich.console import Console

from conself.executors.executor import Here
from conself.pipelines.ahead import executing_ahead
from conself.pipelines.executed import Executed
from conself.pipelines.execution import execute_into
from conself.pipelines.pools import shards_of
from conself.pipelines.sampling import sample_into
from conself.pipelines.shards import SHARD, cut, write_shards
from conself.records import Candidate, Problem
from conself.sandbox import isolation
from conself.store.tables import read_traces
from tests.pipelines.test_execution import CLOCK, LIMITS
from tests.pipelines.test_sampling import Cut


@dataclass(frozen=True)
class Bench:
    executor: "Cluster"
    console: Console


@dataclass(frozen=True)
class Machine(Here):
    """What runs programs; ``overlaps`` says that it is not what draws."""

    overlaps: bool = True


@dataclass(frozen=True)
class Cluster(Here):
    """Draws in this thread."""

    overlaps: bool = True

    def sized(self, workers: int, threads: int = 1) -> Self:  # noqa: ARG002
        return self

    def machines(self) -> Machine:
        return Machine(1, overlaps=self.overlaps)


@dataclass(frozen=True)
class Slow:
    """Draws a program that tells the time for each problem; waits for a file before it draws the last shard."""

    runtime: Cut
    go: Path
    worth_a_call: int = 1
    asks: bool = True

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
    bench = Bench(Cluster(1, overlaps=overlaps), Console(quiet=True))

    def written(path: Path) -> None:
        add(path)
        deadline = time.monotonic() + 300
        while overlaps and not go.exists() and not list(kept.glob("*.parquet")):
            assert time.monotonic() < deadline, "nothing was executed meanwhile"
            time.sleep(0.05)
        go.touch()

    with executing_ahead(bench.executor, lambda: LIMITS, kept, tmp_path / "problems") as add:
        sampler = Slow(Cut(1, 3), go)
        sample_into(bench, tmp_path / "drawn", "candidates", "", sampler, None, problems, written)
    drawn = time.time()
    assert len(list(kept.glob("*.parquet"))) >= overlaps, "what was executed is kept by what was run"
    assert not list(kept.glob(".ahead*"))
    shards = shards_of(tmp_path / "problems", "candidates", tmp_path / "drawn", tmp_path / "traces")
    found = execute_into(bench, tmp_path / "traces", "", LIMITS, shards, Executed(kept, isolation(LIMITS)))
    assert found["executions"] == SHARD + 2
    traces = read_traces(tmp_path / "traces", "traces")
    early = {name for name, [trace] in traces.items() if float(json.loads(trace.outcomes[0].value)["f"]) < drawn}
    assert {f"p{i}" for i in range(SHARD)} <= early if overlaps else not early
