"""Test inputs from tests: what they call a function with, never what they expect of it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conself import standin
from conself.oracles import TestOracle
from conself.sandbox import Job, Limits, Outcome, Status, execute

LIMITS = Limits(
    cpu_seconds=120.0,  # right programs, and all calls of a problem in one run: Mbpp/123 needs over 10 s
    wall_seconds=600.0,
    memory_mb=4096,
    output_kb=1 << 16,  # all inputs of a problem: EvalPlus has up to megabytes
    max_timeouts=1,
    packages=("numpy",),  # EvalPlus's tests import it
    audit=0.0,
    require="weak",  # nothing that a model wrote runs here
)


WORKERS = 1  # seconds of work; it is done once, when the problems are read


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """The calls of a problem's tests cannot be recorded, and why, in one of few texts."""

    reason: str


def record_calls(tests: Sequence[tuple[TestOracle, str]]) -> Iterator[tuple[str, ...] | NotRecorded]:
    """The arguments with which each problem's tests call its entry point (the second of each pair), in given order.

    Arguments are literals of tuples, in order of first occurrence, without repeats. The tests run against the
    oracle's right program, in the sandbox; only arguments leave it.
    """
    program = standin.source()
    jobs = [
        Job(str(place), (program,), "record", (repr((oracle.program, oracle.test, entry_point)),))
        for place, (oracle, entry_point) in enumerate(tests)
    ]
    found = {int(result.job.id): result.rows[0][0] for result in execute(jobs, LIMITS, WORKERS)}
    return (_calls(found[place]) for place in range(len(jobs)))


def _calls(outcome: Outcome) -> tuple[str, ...] | NotRecorded:
    if outcome.status is Status.OK:
        return tuple(json.loads(outcome.value))  # a list of texts is the same in the canonical form
    if outcome.value == standin.NotLiteral.__name__:
        return NotRecorded("an input of its tests is no literal")
    if outcome.value == "ModuleNotFoundError":
        return NotRecorded("its solution or tests need a package that is missing")
    return NotRecorded(f"its own solution does not pass its tests ({outcome.value or outcome.status})")
