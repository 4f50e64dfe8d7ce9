"""The engine of this package as a contender."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from conself.sandbox import Job, Limits, Result, Status, execute
from experiments.sandbox_speed.programs import Problem

CALL_LIMITS = Limits(cpu_seconds=1.0, wall_seconds=10.0, memory_mb=4096, output_kb=1024, max_timeouts=2)
STDIN_LIMITS = replace(CALL_LIMITS, cpu_seconds=4.0, wall_seconds=20.0)


def prepare(problems: list[Problem], audit: bool) -> Callable[[], Iterator[str]]:
    """Jobs with the default share of audits, or with none; starting the worker is part of the run."""
    jobs = [_job(problem) for problem in problems]
    limits = _limits(problems)
    limits = limits if audit else replace(limits, audit=0.0)

    def run() -> Iterator[str]:
        for result in execute(jobs, limits, 1):
            for row in result.rows:
                yield "timeout" if any(outcome.status is Status.TIMEOUT for outcome in row) else "run"

    return run


def slow_programs(problems: list[Problem], cpu_seconds: float) -> set[tuple[str, int]]:
    """Programs, as problem id and index, that need more CPU time than that on some input."""
    limits = replace(_limits(problems), cpu_seconds=cpu_seconds, max_timeouts=1, audit=0.0)
    return {place for result in execute([_job(problem) for problem in problems], limits, 1) for place in _slow(result)}


def _slow(result: Result) -> Iterator[tuple[str, int]]:
    for index, row in enumerate(result.rows):
        if any(outcome.status is Status.TIMEOUT for outcome in row):
            yield result.job.id, index


def _job(problem: Problem) -> Job:
    return Job(problem.id, problem.programs, problem.entry_point, problem.inputs)


def _limits(problems: list[Problem]) -> Limits:
    return STDIN_LIMITS if problems[0].entry_point is None else CALL_LIMITS
