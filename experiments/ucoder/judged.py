"""The pools of proposed problems, judged by references: on the embedded world by the chain that each task names."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conself.minipy.compositions import reference_program
from conself.minipy.execution import function
from conself.minipy.reading import read_chain
from conself.pipelines.pools import shards_of
from conself.records import Problem, Status, Trace
from conself.sandbox.canonical import canonical
from conself.sandbox.jobs import arguments
from experiments.metric_pools.judged import Judged

FAILURES = (TypeError, ValueError, IndexError, AttributeError, ArithmeticError)
"""What the reference raises on an input of another type than its chain takes."""


Reference = Callable[..., Any]


def judged(artifacts: Path, reference_of: Callable[[Problem], Reference | None]) -> tuple[list[Judged], int]:
    """Judge the pool of a round, a folder of a run; also returns the number of problems without a reference.

    ``reference_of`` gives the function that solves a problem; None: nobody knows it.

    Raises:
        FileNotFoundError: there is no pool.
    """
    places = [artifacts / stage for stage in ("problems", "sample", "execute", "agree")]
    if not places[-1].is_dir():
        raise FileNotFoundError(f"{artifacts} has no pool: name folders of finished runs of experiment=ucoder")
    found, unread = [], 0
    for shard in shards_of(places[0], "candidates", *places[1:]):
        for pool in shard.read():
            expected = expected_of(pool.problem, reference_of(pool.problem))
            if any(value is not None for value in expected):
                passed = tuple(right(trace, expected) for trace in pool.traces)
                found.append(Judged(pool, shard.agreed()[pool.problem.id], passed))
            else:
                unread += 1
    return found, unread


def by_chain(problem: Problem) -> Reference | None:
    """Return the reference of the chain of steps that a task names; None if it is no chain."""
    steps = read_chain(problem.statement.partition("\n\n")[0])
    return None if steps is None else function(reference_program(steps))


def expected_of(problem: Problem, reference: Reference | None) -> list[str | None]:
    """Compute the reference's value on each input; None where it has none, everywhere without a reference."""
    if reference is None:
        return [None] * len(problem.inputs)
    return [_value(reference, given) for given in problem.inputs]


def _value(reference: Reference, given: str) -> str | None:
    called: tuple[Any, ...] = arguments(given)
    try:
        return canonical(reference(*called))
    except FAILURES:
        return None


def right(trace: Trace, expected: Sequence[str | None]) -> bool:
    """Return whether a program gives the reference's value on each input that has one."""
    pairs = zip(trace.outcomes, expected, strict=True)
    return all(value is None or (outcome.status is Status.OK and outcome.value == value) for outcome, value in pairs)
