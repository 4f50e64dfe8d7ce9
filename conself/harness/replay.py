"""Verdicts of tests, without the program under test: the tests run on the answers that the sandbox recorded.

A program is run on the inputs with which its problem's tests call it, without the tests. Here the tests run in a
separate job, in which the entry point looks up the recorded answers (:mod:`conself.harness.standin`), so tests and
expected values never share a process with a program, and no object of a program takes part: an object of the program's
own class, or one that the sandbox cannot read, equals nothing.

A verdict is that of the official harness, but for programs that

- give an object of their own class, a value of the standard library of which :mod:`conself.harness.standin` makes none,
  or more than 10,000 items of an iterator: False, where the tests might have found them equal;
- define a function of the prompt again, which the tests call as well, or leave it out: the tests use the right one;
- keep state from one call to the next, or do something to their arguments that the tests look at;
- give dicts of the same items in another order, where the tests look at the order;
- give another value than the right program where the tests hand it to the next call: there, no answer is known.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from conself.harness import standin
from conself.oracles import TestOracle
from conself.records import Outcome, Problem, Trace
from conself.sandbox import Job, Limits, Status, execute

LIMITS = Limits(
    cpu_seconds=60.0,  # the tests or the outputs of one problem on one trace, without the program's own time
    wall_seconds=600.0,
    memory_mb=4096,
    output_kb=1,
    max_timeouts=1 << 20,  # each run is about another trace
    packages=("numpy",),  # EvalPlus's tests import it
    audit=0.0,
    require="weak",  # nothing that a model wrote runs here
)
"""Of one judgement on recorded answers, by tests or by EvalPlus's rules."""

Answers = Sequence[tuple[Problem, Sequence[Trace]]]
Parts = dict[str, list[tuple[bool, ...]]]
"""Problem id -> per trace, in order, a verdict on each part of the inputs; right is what is right on all of them."""
Outcomes = tuple[Outcome, ...]


def replay(
    answers: Answers, oracles: Mapping[str, TestOracle], workers: int, advance: Callable[[int], object]
) -> Parts:
    """Run the tests, per problem and trace: one verdict on all inputs.

    Equal traces of a problem are judged once. ``advance`` is called with 1 when a problem is done.

    Raises:
        ValueError: a trace has another number of outcomes than its problem has inputs.
    """
    distinct = {problem.id: list(dict.fromkeys(trace.outcomes for trace in traces)) for problem, traces in answers}
    passed: dict[str, dict[Outcomes, bool]] = {name: {} for name in distinct}
    for result in execute(_jobs(answers, distinct, oracles), LIMITS, workers):
        (row,) = result.rows
        verdicts = [outcome.status is Status.OK for outcome in row]
        passed[result.job.id] = dict(zip(distinct[result.job.id], verdicts, strict=True))
        advance(1)
    return {problem.id: [(passed[problem.id][trace.outcomes],) for trace in traces] for problem, traces in answers}


def _jobs(answers: Answers, distinct: Mapping[str, list[Outcomes]], oracles: Mapping[str, TestOracle]) -> Iterator[Job]:
    source = standin.source()
    for problem, _ in answers:
        oracle = oracles[problem.id]
        call = f"replay({oracle.program!r}, {oracle.test!r}, {problem.entry_point!r}, answers)"
        program = f"{source}\n\ndef judge(answers):\n    return {call}\n"
        inputs = tuple(repr((_table(problem, outcomes),)) for outcomes in distinct[problem.id])
        yield Job(problem.id, (program,), "judge", inputs)


def _table(problem: Problem, outcomes: Outcomes) -> dict[str, tuple[str, str]]:
    if len(outcomes) != len(problem.inputs):
        raise ValueError(
            f"problem {problem.id}: {len(outcomes)} outcomes against {len(problem.inputs)} inputs; "
            "run the program on all inputs"
        )
    pairs = zip(problem.inputs, outcomes, strict=True)
    return {arguments: (outcome.status.value, outcome.value) for arguments, outcome in pairs}
