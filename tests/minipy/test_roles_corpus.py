"""The corpus of the further roles: the pipeline's own parsers read it, and its claims err as the table says."""

import ast
from collections import Counter
from math import sqrt

import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st

from conself.generated_tests.generated_test import Reason
from conself.generated_tests.reader import TestReader
from conself.minipy.compositions import Step, Steps, program, side, starter_code
from conself.minipy.execution import function
from conself.minipy.pretrain_roles import asks_of
from conself.minipy.primitives import KNOWN
from conself.minipy.randomness import generator
from conself.minipy.roles.claims import ARITY, BUG, CLAIM_SHARES, OFF_BY_ONE, RIGHT, WRONG_TYPE, draw_test
from conself.minipy.roles.corpus import (
    KIND_TESTS,
    MIXED_TESTS,
    PROGRAMS,
    PROPOSALS,
    ROLES,
    SKELETONS,
    RoleExample,
    problem_of,
    roles_corpus,
)
from conself.minipy.roles.exercises import TYPE_TOPICS, draw_exercise
from conself.minipy.roles.inputs import TESTS, draw_inputs
from conself.proposers.replies import read_exercise, read_skeleton
from conself.proposers.ucoder import UCoder
from conself.records import Problem
from conself.runtime.config_folder import CONF
from conself.runtime.parts import build
from conself.samplers.code_blocks import extract_code
from conself.sandbox import canonical
from conself.sandbox.jobs import arguments
from tests.minipy.reading import read

with initialize_config_dir(CONF, version_base="1.3"):
    CONFIG = compose("pretrain_roles")
ASKS = asks_of(CONFIG)
PROPOSER = build(CONFIG.proposer, UCoder)
READER = TestReader(max_cases=5, max_literal_bytes=4096)


def examples(role: str, count: int, seed: int = 3) -> list[RoleExample]:
    return list(roles_corpus({role: count}, ASKS, seed))


def ask_of(example: RoleExample) -> str:
    (message,) = example.messages
    return message["content"]


def reference(steps: Steps) -> str:
    forms = [(step.primitive.correct[0], step.k, step.primitive.signature.gives) for step in steps]
    return program(starter_code(steps), forms)


def test_examples_depend_on_seed_and_number_only() -> None:
    both = list(roles_corpus({PROPOSALS: 20, MIXED_TESTS: 20}, ASKS, 3))
    assert both == [*examples(PROPOSALS, 30)[:20], *examples(MIXED_TESTS, 20)]
    assert examples(PROPOSALS, 20, seed=4) != both[:20]
    with pytest.raises(ValueError, match="roles has no raters; choose from proposals"):
        list(roles_corpus({"raters": 1}, ASKS, 3))


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_proposals_and_skeletons_are_read_as_they_were_meant(seed: int) -> None:
    for example in examples(PROPOSALS, 10, seed):
        exercise = read_exercise(example.completion)
        assert exercise is not None
        assert exercise.name == "f"
        assert exercise.hint
        steps = read(exercise.task)
        assert side(steps) == "corpus"
        topic = ask_of(example).removeprefix("Propose an exercise: ")
        types = {TYPE_TOPICS[steps[0].primitive.signature.takes]}
        assert topic in types | {step.primitive.name.replace("_", " ") for step in steps}
        call = ast.parse(exercise.example, mode="eval").body
        assert isinstance(call, ast.Compare)
        assert eval(exercise.example, {"f": function(reference(steps))})
    for example in examples(SKELETONS, 5, seed):
        signature = ask_of(example).splitlines()[-2]
        assert read_skeleton(example.completion, "f") == f"{signature}\n    ...\n"


def test_the_asks_are_those_of_the_proposer() -> None:
    exercise = draw_exercise({2: 1.0}, generator("test asks"))
    parsed = read_exercise(exercise.proposal)
    assert parsed is not None
    assert PROPOSER.texts.shown(parsed) == ASKS.shown(exercise)
    assert set(PROPOSER.kinds.values()) == set(TESTS)
    skeleton = read_skeleton(f"```python\n{exercise.skeleton}\n```", "f")
    assert skeleton is not None
    assert PROPOSER._problem(parsed, skeleton, "").starter_code == problem_of(exercise).starter_code
    assert PROPOSER._problem(parsed, skeleton, "").statement == problem_of(exercise).statement


def test_the_topics_are_types_and_known_operations() -> None:
    assert sorted(PROPOSER.topics["types"]) == sorted(TYPE_TOPICS.values())
    assert sorted(PROPOSER.topics["operations"]) == sorted(p.name.replace("_", " ") for p in KNOWN)


@settings(max_examples=15)
@given(st.sampled_from([KIND_TESTS, MIXED_TESTS]), st.integers(0, 10**6))
def test_tests_are_read_and_claims_without_noise_are_what_python_gives(role: str, seed: int) -> None:
    for example in examples(role, 10, seed):
        task, *_, starter, kind = ask_of(example).splitlines()
        steps = read(task)
        right = function(reference(steps))
        problem = Problem("p", task, starter, "f", (), "minipy", "own")
        found = READER.of_reply(problem, 0, example.completion)
        expected_rejections = {Reason.ARITY: example.classes.count(ARITY)}
        assert found.rejected == {reason: n for reason, n in expected_rejections.items() if n}
        kept = [label for label in example.classes if label != ARITY]
        assert len(found.tests) == len(kept)
        for label, test in zip(kept, found.tests, strict=True):
            output = canonical(right(*arguments(test.input)))
            assert (test.expected == output) == (label == RIGHT), (label, test)
        assert len(example.classes) == TESTS.get(kind.removeprefix("Test "), 3)


def test_claims_err_in_the_declared_shares() -> None:
    labels = [label for role in (KIND_TESTS, MIXED_TESTS) for e in examples(role, 3000) for label in e.classes]
    found = Counter(labels)

    def near(count: int, share: float) -> bool:
        return abs(count - share * len(labels)) <= 4.5 * sqrt(share * (1 - share) * len(labels))

    assert sum(CLAIM_SHARES.values()) == pytest.approx(1)
    assert all(near(found[label], CLAIM_SHARES[label]) for label in (RIGHT, WRONG_TYPE, ARITY))
    assert near(found[OFF_BY_ONE] + found[BUG], CLAIM_SHARES[OFF_BY_ONE] + CLAIM_SHARES[BUG])
    assert found[BUG] > 0.6 * CLAIM_SHARES[BUG] * len(labels)  # the others' inputs show no bug


def test_a_claim_of_a_bug_is_the_output_of_a_buggy_form() -> None:
    primitive = next(p for p in KNOWN if p.name == "keep_even")
    steps = (Step(primitive, None),)
    rng = generator("test bugs")
    drawn = [draw_test(steps, [3, 4, -2], rng) for _ in range(2000)]
    claims = {text for text, label in filter(None, drawn) if label == BUG}
    assert claims == {"f([3, 4, -2]) == [3]", "f([3, 4, -2]) == [4]"}


def test_large_outputs_are_no_tests() -> None:
    square = next(p for p in KNOWN if p.name == "square")
    assert draw_test((Step(square, None),), 199, generator("test large")) is None


@pytest.mark.parametrize("primitive", KNOWN, ids=lambda p: p.name)
def test_inputs_tell_the_dominant_bug_from_the_right_form(primitive: object) -> None:
    assert isinstance(primitive, type(KNOWN[0]))
    steps = (Step(primitive, primitive.ks[0] if primitive.ks else None),)
    right = function(reference(steps))
    wrong = function(program(starter_code(steps), [(primitive.bugs[0], steps[0].k, primitive.signature.gives)]))
    rng = generator("test inputs")
    ks = [] if steps[0].k is None else [steps[0].k]

    def differs(value: object) -> bool:
        def copied() -> object:
            return list(value) if isinstance(value, list) else value

        try:
            return right(copied()) != wrong(copied())
        except (ArithmeticError, IndexError, TypeError, ValueError):
            return True

    drawn = [v for kind in TESTS for _ in range(40) for v in draw_inputs(kind, primitive.signature.takes, ks, rng)]
    assert any(differs(value) for value in drawn)


def test_programs_for_exercises_are_python() -> None:
    codes = [extract_code(example.completion, "f") for example in examples(PROGRAMS, 200)]
    assert sum(code is not None for code in codes) >= 195
    assert set(ROLES) == set(CONFIG.roles)
