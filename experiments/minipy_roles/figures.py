"""Shares of valid and new proposals, and of right claims."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conself.engines.decoding import Decoding, sample_seed
from conself.engines.engine import Ask, Complete
from conself.generated_tests.reader import TestReader
from conself.minipy import splits
from conself.minipy.compositions import Steps, identity, reference_program
from conself.minipy.execution import function
from conself.minipy.reading import chain_of, read_chain, wordings
from conself.minipy.roles.exercises import typed_signature
from conself.prompts.prompts import PromptStyle
from conself.prompts.tester import TesterTexts
from conself.proposers.proposal import Exercise
from conself.proposers.proposer import Proposer
from conself.records import Problem
from conself.sandbox import canonical
from conself.sandbox.jobs import arguments
from experiments.minipy_roles.chains import SPLITS

READER = TestReader(max_cases=5, max_literal_bytes=4096)
Figures = dict[str, Any]


@dataclass(frozen=True)
class AskingTests:
    """How tests are asked for."""

    style: PromptStyle
    texts: TesterTexts
    tokens: int
    seed: int

    def ask(self, problem: Problem) -> Ask:
        """Ask for the tests of a problem."""
        messages = self.texts.messages(self.style, problem, READER.max_cases)
        return Ask(messages, (sample_seed(self.seed, "tests", problem.id, 0),))


def proposed(proposer: Proposer, complete: Complete, count: int, chains: Mapping[str, set[str]]) -> Figures:
    """Ask for ``count`` proposals; valid are those that the proposer reads and its sieve keeps.

    ``chains``: identities by corpus and split. A proposal whose task is no chain, or whose signature does not fit its
    chain, is in none of them, and counts as no new one.
    """
    briefs = proposer.briefs(0, count)
    answers = proposer(briefs, complete)
    read = [proposer.read(brief, answered) for brief, answered in zip(briefs, answers, strict=True)]
    held_out = {name: [*_wordings(name)] for name in ("test", "validation")}
    sifted = proposer.sieve(read, held_out, count)
    valid = [each.exercise for each in sifted if each.reason is None and each.exercise is not None]
    steps = [chain for exercise in valid if (chain := fitting_chain(exercise)) is not None]
    places = Counter(place for chain in steps for place in _places(identity(chain), chains))
    return {
        "asks": count,
        "valid": len(valid) / count,
        "dropped": Counter(str(each.reason) for each in sifted if each.reason is not None),
        "chains": len(steps) / max(len(valid), 1),
        "in no split": places["none"] / max(len(valid), 1),
        "by place": {place: n / max(len(valid), 1) for place, n in sorted(places.items())},
        "inputs": sum(len(each.problem.inputs) for each in sifted if each.problem is not None and not each.reason)
        / max(len(valid), 1),
    }


def _wordings(split: str) -> Iterator[str]:
    for problem, _ in splits.split(split, SPLITS[split], 0):
        yield from wordings(chain_of(problem))


def fitting_chain(exercise: Exercise) -> Steps | None:
    """Read the chain of an exercise; None if there is none, or the signature has other types."""
    steps = read_chain(exercise.task)
    return steps if steps is not None and exercise.signature == typed_signature(steps) else None


def _places(name: str, chains: Mapping[str, set[str]]) -> list[str]:
    return [place for place, names in chains.items() if name in names] or ["none"]


def claimed(tester: AskingTests, complete: Complete, count: int, temperature: float) -> Figures:
    """Ask for one reply with tests to each of ``count`` test problems, and compare its claims with the reference."""
    problems = [problem for problem, _ in splits.split("test", SPLITS["test"], 0)][:count]
    how = Decoding(temperature, 1.0, tester.tokens, 1, ())
    replies = complete([tester.ask(problem) for problem in problems], how)
    right: defaultdict[str, list[bool]] = defaultdict(list)
    parsed, whole = 0, 0
    for problem, (reply,) in zip(problems, replies, strict=True):
        verdicts = list(_verdicts(problem, reply.text))
        parsed += bool(verdicts)
        whole += bool(verdicts) and all(verdicts)
        right[_group(problem)] += verdicts
    return {
        "replies": count,
        "parsed": parsed / count,
        "whole replies right": whole / count,
        "right": _share([verdict for verdicts in right.values() for verdict in verdicts]),
        "right by steps": {group: _share(verdicts) for group, verdicts in sorted(right.items())},
    }


def _group(problem: Problem) -> str:
    steps = chain_of(problem)
    return f"{len(steps)} steps" if problem.difficulty == "own" else problem.difficulty


def _verdicts(problem: Problem, text: str) -> Iterator[bool]:
    """Yield whether each claim of a reply is right."""
    steps = chain_of(problem)
    reference = function(reference_program(steps))
    for test in READER.of_reply(problem, 0, text).tests:
        if test.expected is not None:
            given: tuple[Any, ...] = arguments(test.input)
            try:
                yield canonical(reference(*given)) == test.expected
            except (TypeError, ValueError, IndexError, AttributeError, ArithmeticError):  # an input of another type
                yield False


def _share(verdicts: list[bool]) -> float:
    return sum(verdicts) / max(len(verdicts), 1)
