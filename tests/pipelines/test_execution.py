"""Execution as tasks that machines take: processes here, which share a folder and nothing else."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from conself.executors.executor import Runner
from conself.executors.local import LocalExecutor
from conself.pipelines.executed import Executed
from conself.pipelines.execution import dealt, execute_into
from conself.pipelines.pools import PoolShard, shards_of
from conself.pipelines.shards import SHARD, cut, write_shards
from conself.records import Candidate, Problem
from conself.sandbox import Limits
from conself.sandbox.journal import read
from conself.store.tables import read_traces

LIMITS = Limits(cpu_seconds=1.0, wall_seconds=5.0, memory_mb=128, output_kb=4, max_timeouts=1, audit=0.0)
CLOCK = """
import time
def f(x):
    while time.process_time() < 0.1:
        pass
    return time.time()
"""


class Machines(LocalExecutor):
    """Each worker is a machine of one core, as the stages see it."""

    def machines(self) -> Runner:
        return self


@dataclass(frozen=True)
class Bench:
    executor: LocalExecutor
    console: Console


def asked(folder: Path, count: int, code: str) -> Path:
    """The tables of so many problems, each with one candidate."""
    problems = [Problem(f"p{i}", "s", "", "f", (f"({i},)",), "", "") for i in range(count)]
    drawn = [Candidate(p.id, 0, None, code, code, "stop", None, None, None, 1) for p in problems]
    folder.mkdir()
    write_shards(folder, "problems", Problem, cut(problems))
    write_shards(folder, "candidates", Candidate, cut(drawn))
    return folder


def into(folder: Path, asked: Path) -> list[PoolShard]:
    folder.mkdir(exist_ok=True)
    return shards_of(asked, "candidates", asked, folder)


def run(executor: LocalExecutor, folder: Path, pool: Path, done: Path) -> dict[str, Any]:
    bench = Bench(executor, Console(quiet=True))
    return execute_into(bench, folder, "executing", LIMITS, into(folder, pool), Executed(done, "strong"))


def tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_many_machines_write_what_one_writes(tmp_path: Path) -> None:
    pool = asked(tmp_path / "pool", 2 * SHARD + 1, "def f(x): return x if x % 7 else 1 / 0")
    with LocalExecutor(1) as one, Machines(2) as two:
        first = run(one, tmp_path / "one", pool, tmp_path / "done1")
        assert run(two, tmp_path / "two", pool, tmp_path / "done2") == first
        assert first["statuses"] == {"exception": 15, "ok": 2 * SHARD + 1 - 15}  # 0, 7, ..., 98
        assert tables(tmp_path / "two") == tables(tmp_path / "one")
        assert [path.suffix for path in (tmp_path / "two").iterdir()] == [".parquet"] * 3
        assert run(two, tmp_path / "three", pool, tmp_path / "done1") == first
    for name in tables(tmp_path / "one"):
        assert (tmp_path / "three" / name).samefile(tmp_path / "one" / name), "taken, not run"


def finished(journals: Iterable[Path]) -> set[str]:
    return {line.id for path in journals for line in read(path)}


def process() -> Iterator[int]:
    yield os.getpid()


class Doomed(Machines):
    """A machine that is killed when so many problems are done."""

    last = 3

    def run(self, function: Callable[..., Iterable[Any]], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        (victim,) = super().run(process, [()])
        for number, item in enumerate(super().run(function, tasks), 1):
            yield item
            if number == self.last:
                os.kill(victim, signal.SIGKILL)


def test_a_killed_machine_costs_what_it_had_under_way(tmp_path: Path) -> None:
    """Programs tell the time, so that it shows when they ran."""
    pool, folder = asked(tmp_path / "pool", 20, CLOCK), tmp_path / "out"
    said = r"lower executor\.workers .* finished shards are kept"
    with Doomed(1) as executor, pytest.raises(ChildProcessError, match=said):
        run(executor, folder, pool, tmp_path / "done")
    killed = time.time()
    kept = finished(folder.glob("*.journal"))
    assert Doomed.last <= len(kept) <= Doomed.last + 2  # one more may be done before the kill, and one while it dies
    with LocalExecutor(1) as other:
        run(other, folder, pool, tmp_path / "done")
    assert [path.suffix for path in folder.iterdir()] == [".parquet"]
    values = {name: trace.outcomes[0].value for name, [trace] in read_traces(folder, "traces").items()}
    assert {name for name, value in values.items() if float(json.loads(value)["f"]) < killed} == kept


def test_the_shard_with_the_most_executions_is_handed_out_first(tmp_path: Path) -> None:
    """On several machines each shard is a task; one machine streams through all of them."""
    folder = tmp_path / "pool"
    folder.mkdir()
    sizes = [(1, 1), (3, 2), (2, 1)]  # inputs and candidates of each problem of a shard: 50, 300 and 100 executions
    problems = [
        [Problem(f"p{i}-{k}", "s", "", "f", ("(1,)",) * inputs, "", "") for k in range(SHARD)]
        for i, (inputs, _) in enumerate(sizes)
    ]
    drawn = [
        [Candidate(p.id, k, None, "", "", "stop", None, None, None, 1) for p in group for k in range(count)]
        for group, (_, count) in zip(problems, sizes, strict=True)
    ]
    write_shards(folder, "problems", Problem, problems)
    write_shards(folder, "candidates", Candidate, drawn)
    targets = [(shard, shard.traces) for shard in shards_of(folder, "candidates", folder, folder)]
    assert [[targets.index(target) for target in task] for task in dealt(targets, 4)] == [[1], [2], [0]]
    assert dealt(targets, 1) == [targets]
    assert dealt([], 1) == dealt([], 4) == []
