"""Shards: the unit of work, of progress, and of the work that a kill can lose."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar, TypeVarTuple

from rich.console import Console

from conself.executors.executor import Executor, HereFirst
from conself.pipelines.tasks import run_tasks
from conself.runtime.progress import Meter
from conself.store.tables import write_records

SHARD = 50
"""Problems per shard."""

Item = TypeVar("Item")
Record = TypeVar("Record")
Task = TypeVarTuple("Task")


class Bench(Protocol):
    """The parts of a job that shard work uses: its executor and its console."""

    @property
    def executor(self) -> Executor:
        """Runs the tasks."""

    @property
    def console(self) -> Console:
        """Shows progress."""


def cut(items: Sequence[Item]) -> list[list[Item]]:
    """Split items into shards."""
    return [list(items[i : i + SHARD]) for i in range(0, len(items), SHARD)]


def missing(folder: Path, name: str, shards: Sequence[Item]) -> list[tuple[Item, Path]]:
    """List the shards that are not yet on disk, each with the path of its table ``<name>-<first>-<size>.parquet``."""
    paths = [folder / f"{name}-{number * SHARD:07d}-{SHARD}.parquet" for number in range(len(shards))]
    for stale in folder.glob(f"{name}-*"):
        whole = stale.with_name(stale.name.partition(".")[0] + ".parquet")
        if whole not in paths or (stale != whole and whole.exists()):
            stale.unlink()  # cut to another size by another version, or a journal whose file is there
    return [(shard, path) for shard, path in zip(shards, paths, strict=True) if not path.exists()]


def write_shards(folder: Path, name: str, kind: type[Record], groups: Sequence[Sequence[Record]]) -> None:
    """Write the records of each shard -> <name>-*.parquet in ``folder``."""
    for group, path in missing(folder, name, groups):
        write_records(path, kind, group)


def run_shards(
    bench: Bench,
    executor: Executor | HereFirst,
    label: str,
    unit: str,
    total: int,
    function: Callable[[*Task], Iterator[tuple[int, int]]],
    tasks: Sequence[tuple[*Task]],
    noun: str = "problems",
) -> None:
    """Run ``function`` on every task by ``executor``, with a progress line: up to ``total`` of ``noun``, ``unit``/s."""
    with Meter(bench.console, label, total, noun, unit) as meter:
        for done, amount in run_tasks(executor, function, tasks):
            meter.add(done, amount)
