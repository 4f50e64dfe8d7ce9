"""Run the tasks of stages, and name the problems of lost tasks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import TypeVar, TypeVarTuple

from conself.executors.executor import HereFirst, LostTasksError, Runner
from conself.pipelines.pools import PoolShard
from conself.records import Problem
from conself.store.tables import read_shard

Item = TypeVar("Item")
Task = TypeVarTuple("Task")
_MOST = 200
"""The largest number of ids in a message: those of four shards."""


def run_tasks(
    runner: Runner | HereFirst, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]
) -> Iterator[Item]:
    """Run tasks by ``runner``, and yield the items of ``function(*task)`` as they arrive.

    Raises:
        LostTasksError: some tasks are lost; the message names their problems. All other tasks are done.
    """
    try:
        yield from runner.run(function, tasks)
    except LostTasksError as error:
        ids = list(dict.fromkeys(problem_ids(error.tasks)))
        more = f" and {len(ids) - _MOST} more" if len(ids) > _MOST else ""
        raise LostTasksError(f"{error}. Their problems: {', '.join(ids[:_MOST])}{more}", error.tasks) from None


def problem_ids(value: object) -> Iterator[str]:
    """Yield the ids of all problems in a task: those that it holds, and those in the shards that it names."""
    if isinstance(value, Problem):
        yield value.id
    elif isinstance(value, PoolShard):
        yield from (problem.id for problem in read_shard(value.problems, Problem))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from problem_ids(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from problem_ids(getattr(value, each.name))
