"""Shards, the unit of work, of progress and of what a kill can cost."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from rich.console import Console

from conself.records import Candidate, ModelRef, Problem
from conself.runtime.progress import Meter
from conself.runtime.workers import HereFirst, Workers
from conself.store.tables import write_records

SHARD = 50
"""Problems per shard."""

Item = TypeVar("Item")
Record = TypeVar("Record")


class Runtime(Protocol):
    """How a sampler wants its work cut: speed and memory only."""

    @property
    def processes(self) -> int:
        """Worker processes that draw at once."""

    @property
    def shards_per_task(self) -> int:
        """Shards that one call of the sampler streams through, so that an engine need not run dry between them."""


class Sampler(Protocol):
    """Draws candidates, group by group in the order of the problems, reading problems as it needs them."""

    @property
    def runtime(self) -> Runtime:
        """How to cut its work."""

    def __call__(self, problems: Iterable[Problem], model: Any) -> Iterator[list[Candidate]]:
        """One list of candidates per problem; ``model`` is a ModelRef, or None for a sampler that needs none."""


class Bench(Protocol):
    """What shard work needs of a job: its workers and its console."""

    @property
    def workers(self) -> Workers:
        """Processes to run shards in."""

    @property
    def console(self) -> Console:
        """Where progress is shown."""


def cut(items: Sequence[Item]) -> list[list[Item]]:
    """The items of each shard."""
    return [list(items[i : i + SHARD]) for i in range(0, len(items), SHARD)]


def missing(folder: Path, name: str, shards: Sequence[Item]) -> list[tuple[Item, Path]]:
    """The shards not yet on disk, each with the path of its table ``<name>-<first>-<size>.parquet``."""
    paths = [folder / f"{name}-{number * SHARD:07d}-{SHARD}.parquet" for number in range(len(shards))]
    for stale in folder.glob(f"{name}-*"):
        whole = stale.with_suffix(".parquet")
        if whole not in paths or (stale != whole and whole.exists()):
            stale.unlink()  # cut to another size by another version, or a journal whose file is there
    return [(shard, path) for shard, path in zip(shards, paths, strict=True) if not path.exists()]


def write_shards(folder: Path, name: str, kind: type[Record], groups: Sequence[Sequence[Record]]) -> None:
    """Write the records of each shard -> <name>-*.parquet in ``folder``."""
    for group, path in missing(folder, name, groups):
        write_records(path, kind, group)


def sample_into(
    bench: Bench,
    folder: Path,
    name: str,
    label: str,
    sampler: Sampler,
    model: ModelRef | None,
    problems: Sequence[Problem],
) -> None:
    """Draw candidates for problems -> <name>-*.parquet in ``folder``."""
    todo = missing(folder, name, cut(problems))
    runtime = sampler.runtime
    size = max(1, min(runtime.shards_per_task, -(-len(todo) // runtime.processes)))
    tasks = [(sampler, model, todo[i : i + size]) for i in range(0, len(todo), size)]
    total = sum(len(group) for group, _ in todo)
    run_shards(bench, bench.workers.sized(runtime.processes), label, "tok", total, sample_shards, tasks)


def sample_shards(
    sampler: Sampler, model: ModelRef | None, shards: Sequence[tuple[list[Problem], Path]]
) -> Iterator[tuple[int, int]]:
    """Draw candidates for shards in one stream; yields, per shard on disk, its numbers of problems and of tokens.

    Raises:
        ValueError: the sampler stops before the last problem; the shard at hand is not written.
    """
    drawn = sampler((problem for problems, _ in shards for problem in problems), model)
    for problems, path in shards:
        groups = list(islice(drawn, len(problems)))
        if len(groups) < len(problems):
            name = problems[len(groups)].id
            raise ValueError(f"{type(sampler).__name__} gave nothing for problem {name!r} and after")
        candidates = [candidate for group in groups for candidate in group]
        write_records(path, Candidate, candidates)
        yield len(problems), sum(c.n_tokens for c in candidates)


def without_room(candidates: Iterable[Candidate]) -> int:
    """How many candidates are empty because their prompt fills the model's context."""
    return sum(c.finish_reason == "length" and c.n_tokens == 0 for c in candidates)


def run_shards(
    bench: Bench,
    workers: Workers | HereFirst,
    label: str,
    unit: str,
    total: int,
    function: Callable[..., Iterator[tuple[int, int]]],
    tasks: Sequence[tuple[Any, ...]],
    noun: str = "problems",
) -> None:
    """Run ``function`` on every task by the workers, with a progress line: up to ``total`` of ``noun``, ``unit``/s."""
    with Meter(bench.console, label, total, noun, unit) as meter:
        for done, amount in workers.run(function, tasks):
            meter.add(done, amount)
