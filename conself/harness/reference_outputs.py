"""Compute the expected outputs of problems that have a right program and inputs for it."""

from dataclasses import dataclass
from functools import lru_cache

from conself.sandbox import Job, Limits, Outcome, Status, execute

LIMITS = Limits(
    cpu_seconds=60.0,  # right programs: the slowest of EvalPlus's needs seconds
    wall_seconds=600.0,
    memory_mb=4096,
    output_kb=20 << 10,  # right outputs of HumanEval/130 are 19 MB long
    max_timeouts=1,
    packages=("numpy",),
    audit=0.0,
    require="weak",  # nothing that a model wrote runs here
)
"""Of a data set's own program."""
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Reference:
    """A right program, the name of its function, and the inputs to call it with, as in ``Problem.inputs``."""

    program: str
    entry_point: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A reference program, or its tests, failed; ``reason`` is one of a few fixed texts."""

    reason: str


@lru_cache(maxsize=4)
def reference_outputs(references: tuple[Reference, ...]) -> tuple[tuple[str | None, ...] | Unusable, ...]:
    """Run each reference program on its inputs in the sandbox, and return the canonical texts of its outputs.

    None stands for an output longer than 20 MiB, which no answer is expected to give. The last few results are cached,
    because a data set is read once for its problems and once for its oracles.
    """
    jobs = [Job(str(place), (r.program,), r.entry_point, r.inputs) for place, r in enumerate(references)]
    rows = {int(result.job.id): result.rows[0] for result in execute(jobs, LIMITS, WORKERS)}
    return tuple(_values(rows[place]) for place in range(len(jobs)))


def _values(row: tuple[Outcome, ...]) -> tuple[str | None, ...] | Unusable:
    failed = next((outcome for outcome in row if outcome.status not in (Status.OK, Status.OUTPUT_LIMIT)), None)
    if failed is None:
        return tuple(outcome.value if outcome.status is Status.OK else None for outcome in row)
    if failed.value == "ModuleNotFoundError":
        return Unusable("its solution needs a package that is missing")
    return Unusable(f"its own solution fails on its inputs ({failed.value or failed.status})")
