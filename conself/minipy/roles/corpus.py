"""The corpus of the further roles: proposals, skeletons, tests, and programs for exercises."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conself.minipy.compositions import Steps, starter_code, statement
from conself.minipy.inputs import Value
from conself.minipy.noise import write_program
from conself.minipy.randomness import generator
from conself.minipy.roles.claims import draw_test
from conself.minipy.roles.exercises import Exercise, draw_chain, draw_exercise
from conself.minipy.roles.inputs import TESTS, draw_inputs, draw_mixed
from conself.prompts.prompts import Message, PromptStyle, program_messages
from conself.prompts.tester import TesterTexts
from conself.records import Problem

PROPOSALS, SKELETONS, KIND_TESTS, MIXED_TESTS, PROGRAMS = (
    "proposals",
    "skeletons",
    "kind_tests",
    "mixed_tests",
    "programs",
)
ROLES = (PROPOSALS, SKELETONS, KIND_TESTS, MIXED_TESTS, PROGRAMS)
EXERCISE_LENGTHS = {1: 0.1, 2: 0.35, 3: 0.55}
TEST_LENGTHS = {1: 0.45, 2: 0.35, 3: 0.2}
"""Shares of chains by their number of steps. Most chains of three steps are new: there are millions."""


@dataclass(frozen=True)
class Asks:
    """The wording of a proposer's and a tester's prompts: templates as in ``conf/proposer/`` and the tester's texts."""

    propose: str
    exercise: str
    skeleton: str
    tests: str
    tester: TesterTexts
    style: PromptStyle

    def shown(self, exercise: Exercise) -> str:
        """Present an exercise in later asks."""
        return self.exercise.format(task=exercise.task, example=exercise.example, signature=exercise.signature)


@dataclass(frozen=True, slots=True)
class RoleExample:
    """The chat and the answer of one role; of an answer with tests also the class of each claim."""

    role: str
    messages: list[Message]
    completion: str
    classes: tuple[str, ...] = ()


def roles_corpus(sizes: Mapping[str, int], asks: Asks, seed: int) -> Iterator[RoleExample]:
    """Generate examples of each role, ``sizes`` by role; those of a role depend only on the seed and their number.

    Raises:
        ValueError: there is no such role.
    """
    if unknown := sorted(set(sizes) - set(ROLES)):
        raise ValueError(f"roles has no {', '.join(unknown)}; choose from {', '.join(ROLES)}")
    for role, size in sizes.items():
        rng = generator(f"minipy roles {role} {seed}")
        for _ in range(size):
            yield _example(role, asks, rng)


def _example(role: str, asks: Asks, rng: random.Random) -> RoleExample:
    if role == MIXED_TESTS:
        return _mixed(asks, rng)
    if role == KIND_TESTS:
        return _of_a_kind(asks, rng)
    exercise = draw_exercise(EXERCISE_LENGTHS, rng)
    if role == PROPOSALS:
        ask = asks.propose.format(topic=exercise.topic, material="")
        return RoleExample(role, asks.style.turns(ask), exercise.proposal)
    if role == SKELETONS:
        ask = asks.skeleton.format(exercise=asks.shown(exercise))
        return RoleExample(role, asks.style.turns(ask), fenced(exercise.skeleton))
    problem = problem_of(exercise)
    return RoleExample(
        role, program_messages(asks.style, problem, None), fenced(write_program(exercise.steps, None, rng))
    )


def problem_of(exercise: Exercise) -> Problem:
    """Return the problem, as a proposer's reader builds it from the proposal and the skeleton."""
    text = f"{exercise.task}\n\nExample: {exercise.example}"
    return Problem("minipy/exercise", text, f"{exercise.skeleton}\n", "f", (), "minipy", "own")


def fenced(code: str) -> str:
    """Put code into a Python block."""
    return f"```python\n{code}\n```"


def _of_a_kind(asks: Asks, rng: random.Random) -> RoleExample:
    """Draw exercises until one has short outputs: some have none for large inputs."""
    while True:
        exercise, kind = draw_exercise(TEST_LENGTHS, rng), rng.choice(tuple(TESTS))
        inputs = draw_inputs(kind, exercise.steps[0].primitive.signature.takes, _ks(exercise.steps), rng)
        if (drawn := _tests(exercise.steps, inputs, rng)) is not None:
            ask = asks.tests.format(exercise=asks.shown(exercise), kind=kind)
            return RoleExample(KIND_TESTS, asks.style.turns(ask), *drawn)


def _mixed(asks: Asks, rng: random.Random) -> RoleExample:
    while True:
        steps = draw_chain(TEST_LENGTHS, rng)
        inputs = draw_mixed(steps[0].primitive.signature.takes, _ks(steps), rng)
        if (drawn := _tests(steps, inputs, rng)) is not None:
            break
    problem = Problem("minipy/tested", statement(steps, rng), starter_code(steps), "f", (), "minipy", "own")
    return RoleExample(MIXED_TESTS, asks.tester.messages(asks.style, problem, len(inputs)), *drawn)


def _ks(steps: Steps) -> list[int]:
    return [step.k for step in steps if step.k is not None]


def _tests(steps: Steps, inputs: list[Value], rng: random.Random) -> tuple[str, tuple[str, ...]] | None:
    """Write the tests, one per line, and return their classes; None if an output is too large."""
    drawn = [draw_test(steps, value, rng) for value in inputs]
    written = [test for test in drawn if test is not None]
    if len(written) < len(drawn):
        return None
    return "\n".join(text for text, _ in written), tuple(label for _, label in written)
