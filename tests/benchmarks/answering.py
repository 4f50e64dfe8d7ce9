"""Programs as answers to problems: run in the sandbox as a stage does, and judged."""

from collections.abc import Mapping, Sequence

from conself.benchmarks.task import Judge
from conself.records import Problem, Trace
from conself.sandbox import Job, Limits, execute
from conself.sandbox.prefix import with_prefix

LIMITS = Limits(
    cpu_seconds=0.5, wall_seconds=20.0, memory_mb=1024, output_kb=1024, max_timeouts=1, packages=("numpy",), audit=0.0
)


def traces(
    problems: Sequence[Problem], programs: Mapping[str, Sequence[str]], limits: Limits = LIMITS, workers: int = 1
) -> list[tuple[Problem, list[Trace]]]:
    """Each problem with the traces of its programs."""
    jobs = [
        Job(p.id, tuple(with_prefix(p.prefix, code) for code in programs[p.id]), p.entry_point, p.inputs)
        for p in problems
    ]
    rows = {result.job.id: result.rows for result in execute(jobs, limits, workers)}
    return [(p, [Trace(p.id, index, row) for index, row in enumerate(rows[p.id])]) for p in problems]


def verdicts(
    judge: Judge,
    problems: Sequence[Problem],
    programs: Mapping[str, Sequence[str]],
    limits: Limits = LIMITS,
    workers: int = 1,
) -> dict[str, list[bool]]:
    """Per problem, whether each of its programs is right."""
    return judge(traces(problems, programs, limits, workers), workers)
