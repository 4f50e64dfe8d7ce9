"""What proposals and claimed outputs are worth: pure functions of replies, with the world's own grammar as judge."""

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from conself.generated_tests.generated_test import GeneratedTest
from conself.generated_tests.reader import TestReader
from conself.minipy.compositions import Steps, identity, side
from conself.minipy.execution import reference_function
from conself.minipy.inputs import Value
from conself.minipy.primitives.base import Kind
from conself.minipy.roles.proposals import chain_of, on_topic, read_proposal
from conself.records import Problem
from conself.sandbox import canonical
from conself.sandbox.jsonlines import Json

READER = TestReader(max_cases=100, max_literal_bytes=4096)
Figures = dict[str, Json]

_TYPES: dict[Kind, type] = {Kind.LIST: list, Kind.INT: int, Kind.STR: str}


def of_proposals(asked: Sequence[tuple[str, str]], given: AbstractSet[str]) -> Figures:
    """Figures of proposals, each with its topic; ``given`` are the identities of all chains that somebody was given.

    Shares of proposals: ``parsed`` (three fields), ``in_grammar`` (their task is a statement of the world), ``valid``
    (both, and the signature is the chain's). Shares of the valid: ``on_topic``, ``in_no_split`` (not in ``given``),
    ``distinct`` chains, by ``steps``, by ``sides`` of the partition; ``example_right``.
    """
    read = [read_proposal(reply) for _, reply in asked]
    parsed = [p for p in read if p.task is not None and p.signature is not None and p.example is not None]
    chains = [(topic, proposal, chain_of(proposal)) for (topic, _), proposal in zip(asked, read, strict=True)]
    valid = [(topic, proposal, steps) for topic, proposal, steps in chains if steps is not None]
    new = [steps for _, _, steps in valid if identity(steps) not in given]
    examples = [judged(steps, tests_of(steps, str(proposal.example))) for _, proposal, steps in valid]
    return {
        "proposals": len(asked),
        "parsed": share(len(parsed), len(asked)),
        "valid": share(len(valid), len(asked)),
        "on_topic": share(sum(on_topic(steps, topic) for topic, _, steps in valid), len(valid)),
        "in_no_split": share(len(new), len(valid)),
        "distinct": share(len({identity(steps) for _, _, steps in valid}), len(valid)),
        "steps": {str(n): count for n, count in sorted(Counter(len(steps) for _, _, steps in valid).items())},
        "sides": dict(sorted(Counter(side(steps) for _, _, steps in valid).items())),
        "example_right": share(sum(map(all, (e for e in examples if e))), len(valid)),
    }


def tests_of(steps: Steps, reply: str) -> tuple[GeneratedTest, ...]:
    """The tests of a reply that can be used."""
    return READER.of_reply(problem_of(steps), 0, reply).tests


def problem_of(steps: Steps) -> Problem:
    """A problem of which only signature and name count."""
    return Problem("p", "", f"def f({steps[0].primitive.signature.takes}):", "f", (), "minipy", "own")


def judged(steps: Steps, tests: Iterable[GeneratedTest]) -> list[bool]:
    """Whether each test claims what the steps give; an input of another type has no right output."""
    return [test.expected is not None and output(steps, test.input) == test.expected for test in tests]


def output(steps: Steps, literal: str) -> str | None:
    """The canonical form of what the steps give on the literal of a tuple of arguments; None for another type."""
    result: Value
    (result,) = ast.literal_eval(literal)
    if type(result) is not _TYPES[steps[0].primitive.signature.takes]:
        return None
    if isinstance(result, list) and any(type(x) is not int for x in result):
        return None
    for step in steps:
        result = reference_function(step)(list(result) if isinstance(result, list) else result)
    return canonical(result)


@dataclass(frozen=True)
class Written:
    """One reply of the tester: the problem's chain, the sort that was asked for, and the text."""

    steps: Steps
    sort: str
    reply: str


def of_tests(written: Sequence[Written]) -> Figures:
    """Figures of the tester's replies.

    ``right`` are shares of the tests that can be used, by number of steps, by sort, and of chains of one step by
    operation; ``rejected`` counts the others by reason; ``inputs`` is the mean number of distinct inputs per chain.
    """
    by_steps, by_sort, by_operation = dict[str, list[bool]](), dict[str, list[bool]](), dict[str, list[bool]]()
    rejected, inputs = Counter[str](), dict[str, set[str]]()
    for each in written:
        read = READER.of_reply(problem_of(each.steps), 0, each.reply)
        rejected.update({reason.name.lower(): count for reason, count in read.rejected.items()})
        inputs.setdefault(identity(each.steps), set()).update(test.input for test in read.tests)
        verdicts = judged(each.steps, read.tests)
        by_steps.setdefault(str(len(each.steps)), []).extend(verdicts)
        by_sort.setdefault(each.sort, []).extend(verdicts)
        if len(each.steps) == 1:
            by_operation.setdefault(each.steps[0].primitive.name, []).extend(verdicts)
    every = [verdict for verdicts in by_steps.values() for verdict in verdicts]
    return {
        "replies": len(written),
        "tests": len(every),
        "rejected": dict(sorted(rejected.items())),
        "inputs": round(sum(map(len, inputs.values())) / len(inputs), 2),
        "right": share(sum(every), len(every)),
        "right_by_steps": _shares(by_steps),
        "right_by_sort": _shares(by_sort),
        "right_by_operation": dict(sorted(_shares(by_operation).items(), key=lambda item: (str(item[1]), item[0]))),
    }


def _shares(verdicts: Mapping[str, Sequence[bool]]) -> Figures:
    return {name: share(sum(group), len(group)) for name, group in sorted(verdicts.items())}


def share(part: int, whole: int) -> float:
    """Rounded to three digits; 0 of nothing."""
    return round(part / whole, 3) if whole else 0.0
