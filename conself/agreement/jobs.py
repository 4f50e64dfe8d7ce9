"""Programs for a problem as a job of the sandbox."""

from collections.abc import Iterable, Sequence

from conself.records import Problem
from conself.sandbox import Job
from conself.sandbox.prefix import with_prefix


def job_of(problem: Problem, codes: Iterable[str | None], inputs: Sequence[str] | None = None) -> Job:
    """Build the sandbox job that runs programs, after the problem's prefix, on ``inputs`` (None: the problem's)."""
    programs = tuple(None if code is None else with_prefix(problem.prefix, code) for code in codes)
    return Job(problem.id, programs, problem.entry_point, problem.inputs if inputs is None else tuple(inputs))
