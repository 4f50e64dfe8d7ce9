"""Record the inputs with which tests call a function, never the expected outputs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from conself.harness import reference_outputs, standin
from conself.harness.reference_outputs import Unusable
from conself.oracles import TestOracle
from conself.sandbox import Job, Outcome, Status, execute

LIMITS = replace(
    reference_outputs.LIMITS,
    cpu_seconds=120.0,  # all calls of a problem in one run: Mbpp/123 needs over 10 s
    output_kb=1 << 16,  # all inputs of a problem: EvalPlus has up to megabytes
)
WORKERS = 1  # seconds of work; it is done once, when the problems are read


def record_calls(tests: Sequence[tuple[TestOracle, str]]) -> Iterator[tuple[str, ...] | Unusable]:
    """Record the arguments with which each problem's tests call its entry point (the second of each pair), in order.

    Arguments are literals of tuples, in order of first occurrence, without repeats. The tests run against the
    oracle's right program, in the sandbox; only arguments leave it.
    """
    program = standin.source()
    jobs = [
        Job(str(place), (program,), "record", (repr((oracle.program, oracle.test, entry_point)),))
        for place, (oracle, entry_point) in enumerate(tests)
    ]
    recorded = {int(result.job.id): result.rows[0][0] for result in execute(jobs, LIMITS, WORKERS)}
    return (_calls(recorded[place]) for place in range(len(jobs)))


def _calls(outcome: Outcome) -> tuple[str, ...] | Unusable:
    if outcome.status is Status.OK:
        return tuple(json.loads(outcome.value))  # a list of texts is the same in the canonical form
    if outcome.value == standin.NotLiteral.__name__:
        return Unusable("an input of its tests is no literal")
    if outcome.value == "ModuleNotFoundError":
        return Unusable("its solution or tests need a package that is missing")
    return Unusable(f"its own solution does not pass its tests ({outcome.value or outcome.status})")
