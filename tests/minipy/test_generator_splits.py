"""Splits: reproducible, disjoint, with the difficulty mix and edge cases that they promise."""

import ast
from collections import Counter
from functools import cache

import pytest

from conself.minipy.compositions import Steps, identity, program, side
from conself.minipy.corpus import corpus
from conself.minipy.execution import function
from conself.minipy.inputs import Value
from conself.minipy.primitives import KNOWN
from conself.minipy.randomness import generator
from conself.minipy.splits import behaviour, split
from conself.oracles import Oracle
from conself.records import Problem
from conself.sandbox.canonical import canonical
from tests.minipy.reading import read

SIZES = {"train": 800, "validation": 300, "test": 1000}
each_split = pytest.mark.parametrize("name", SIZES)


@cache
def default(name: str) -> list[tuple[Problem, Oracle]]:
    return list(split(name, SIZES[name], 0))


def argument(text: str) -> Value:
    value: Value
    (value,) = ast.literal_eval(text)
    return value


def step_named(name: str) -> Steps:
    return tuple(read(p.paraphrases[0])[0] for p in KNOWN if p.name == name)


@each_split
def test_a_split_is_a_function_of_its_seed(name: str) -> None:
    assert split(name, 40, 3) == split.__wrapped__(name, 40, 3)  # made again, not remembered
    assert split(name, 40, 3) != split(name, 40, 4)


def test_the_difficulty_mix_is_exact() -> None:
    mixes = {name: Counter(problem.difficulty for problem, _ in default(name)) for name in SIZES}
    assert mixes == {
        "train": {"own": 320, "unseen": 280, "long": 200},
        "validation": {"own": 270, "unseen": 18, "long": 12},
        "test": {"own": 900, "unseen": 60, "long": 40},
    }


@each_split
def test_difficulty_says_what_is_beyond_the_corpus(name: str) -> None:
    for problem, _ in default(name):
        steps = read(problem.statement)
        unseen, long = any(step.primitive.unseen for step in steps), 5 <= len(steps) <= 6
        assert (problem.difficulty == "unseen", problem.difficulty == "long") == (unseen, long)
        assert len(steps) <= 6


def test_no_steps_and_no_statement_are_on_two_sides() -> None:
    statements = {name: {p.statement for seed in (0, 1) for p, _ in split(name, 400, seed)} for name in SIZES}
    statements["corpus"] = {example.problem.statement for example in corpus(20_000, 0)}
    steps = {name: {identity(read(text)) for text in texts} for name, texts in statements.items()}
    for name, chains in steps.items():
        assert {side(read(text)) for text in statements[name]} == {name}
        assert not chains & set().union(*(other for key, other in steps.items() if key != name))
        assert not statements[name] & set().union(*(other for key, other in statements.items() if key != name))


@each_split
def test_no_chain_of_steps_occurs_twice_in_a_split(name: str) -> None:
    chains = [identity(read(problem.statement)) for problem, _ in default(name)]
    assert len(set(chains)) == SIZES[name]


@each_split
def test_records_are_complete(name: str) -> None:
    for index, (problem, oracle) in enumerate(default(name)):
        assert problem.id == oracle.problem_id == f"minipy/{name}/{index:06d}"
        assert problem.entry_point == "f"
        assert problem.source == "minipy"
        assert problem.starter_code in ("def f(xs):", "def f(n):", "def f(s):")
        assert len(set(problem.inputs)) == len(problem.inputs) == len(oracle.expected) == 12


@each_split
def test_inputs_hold_edge_cases(name: str) -> None:
    for problem, _ in default(name):
        values = [argument(text) for text in problem.inputs]
        if problem.starter_code == "def f(xs):":
            lists = [value for value in values if isinstance(value, list)]
            assert {0, 1} <= {len(value) for value in lists} <= set(range(9))
            assert any(len(set(value)) < len(value) for value in lists)
            assert any(0 in value and min(value) < 0 for value in lists)
            assert any(value and max(value) < 0 for value in lists)
        elif problem.starter_code == "def f(s):":
            strings = [value for value in values if isinstance(value, str)]
            assert {0, 1} <= {len(value) for value in strings} <= set(range(11))
            assert any("  " in value for value in strings)
            assert any(value.startswith(" ") for value in strings)
        else:
            numbers = [value for value in values if isinstance(value, int)]
            assert 0 in numbers
            assert min(numbers) <= -10
            assert max(numbers) >= 1


@each_split
def test_every_way_to_write_a_problem_right_agrees_with_its_oracle(name: str) -> None:
    rng = generator("test ways")
    for problem, oracle in default(name):
        for _ in range(2):
            steps = read(problem.statement)
            forms = [(rng.choice(s.primitive.correct), s.k, s.primitive.signature.gives) for s in steps]
            f = function(program(problem.starter_code, forms))
            outputs = [f(argument(text)) for text in problem.inputs]
            assert tuple(canonical(value) for value in outputs) == oracle.expected, problem.statement


@each_split
def test_no_problem_is_degenerate(name: str) -> None:
    for problem, oracle in default(name):
        assert Counter(oracle.expected).most_common(1)[0][1] <= 8
        assert tuple(canonical(argument(text)) for text in problem.inputs) != oracle.expected


def test_behaviour_by_hand() -> None:
    steps = (*step_named("keep_even"), *step_named("square_each"), *step_named("sum"))
    inputs, outputs = behaviour(steps, generator("hand"))
    assert outputs is not None
    assert inputs[0] == []
    assert outputs == [sum(x * x for x in value if x % 2 == 0) for value in inputs if isinstance(value, list)]


def test_a_step_without_effect_is_degenerate() -> None:
    steps = (*step_named("text"), *step_named("upper"))
    assert behaviour(steps, generator("hand"))[1] is None


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'dev'.*train, validation, test"):
        split("dev", 10, 0)
