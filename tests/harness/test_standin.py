"""The stand-in runs in the sandbox; here it is called as plain Python."""

import ast
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.harness.standin import NoAnswer, NotLiteral, decode, literal, record, replay
from conself.sandbox import canonical

PROGRAM = "def double(x, times=1):\n    return 0 if times == 0 else x + double(x, times - 1)\n"

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()

hashable = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5)
values = st.recursive(
    hashable | st.sets(hashable, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashable, inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_a_literal_reads_as_an_equal_value_of_the_same_types(value: object) -> None:
    assert canonical(ast.literal_eval(literal(value))) == canonical(value)


@given(values | st.floats() | st.complex_numbers() | st.frozensets(hashable, max_size=3))
def test_decode_undoes_the_canonical_form(value: object) -> None:
    assert canonical(decode(json.loads(canonical(value)))) == canonical(value)


def test_literals_by_hand() -> None:
    assert literal((1, [2.5], {"a": {1}}, set(), True)) == "(1, [2.5], {'a': {1}}, set(), True)"
    assert literal((math.inf, -math.inf, 2 - 1j)) == "(1e999, -1e999, (2-1j))"
    assert literal(("inf",)) == "('inf',)"


@pytest.mark.parametrize("value", [math.nan, frozenset([1]), object(), len, [lambda: 1], bytearray(b"a")])
def test_what_has_no_literal(value: object) -> None:
    with pytest.raises(NotLiteral):
        literal((value,))


def test_what_is_only_named_is_equal_to_nothing() -> None:
    named = decode(json.loads('{"o":"Liar"}'))
    assert named != named
    assert (named == 1, named == "Liar", named in [1]) == (False, False, False)


def test_calls_are_kept_in_order_without_repeats_and_not_the_programs_own() -> None:
    test = "assert double(2, 2) == 4\nassert double(1) == 1\nassert double(2, times=2) == 4\nassert double(True) == 1"
    assert record(PROGRAM, test, "double") == ["(2, 2)", "(1,)", "(True,)"]


def test_recording_ends_where_the_right_program_does_not_pass() -> None:
    with pytest.raises(AssertionError):
        record(PROGRAM, "assert double(2, 2) == 5", "double")


def test_arguments_are_kept_as_they_were_before_the_call() -> None:
    program = "def drain(xs):\n    n = len(xs)\n    xs.clear()\n    return n\n"
    assert record(program, "xs = [1, 2]\nassert drain(xs) == 2\nassert drain(xs) == 2", "drain") == ["([1, 2],)"]


def test_random_tests_are_the_same_though_the_program_draws_as_well() -> None:
    program = "import random\ndef noisy(n):\n    random.random()\n    return n\n"
    test = (
        "import random\nrandom.seed(1)\nfor _ in range(3):\n    n = random.randrange(10**9)\n    assert noisy(n) == n\n"
    )
    calls = record(program, test, "noisy")
    assert len(calls) == 3
    assert replay(program, test, "noisy", {call: ("ok", call[1:-2]) for call in calls})


def test_replay_repeats_values_and_exceptions() -> None:
    test = "try:\n    double(0)\n    assert False\nexcept KeyError:\n    pass\nassert double([1]) == (2, 3.5)"
    good = {"(0,)": ("exception", "KeyError"), "([1],)": ("ok", '{"t":[2,{"f":"3.5"}]}')}
    assert replay(PROGRAM, test, "double", good)
    with pytest.raises(AssertionError):
        replay(PROGRAM, test, "double", good | {"([1],)": ("ok", '[2,{"f":"3.5"}]')})
    with pytest.raises(ValueError, match=r"^$"):
        replay(PROGRAM, test, "double", good | {"(0,)": ("exception", "ValueError")})


@pytest.mark.parametrize("outcome", [None, ("timeout", ""), ("exit", ""), ("memory", ""), ("compile_error", "X")])
def test_no_answer_cannot_be_caught_by_a_test(outcome: tuple[str, str] | None) -> None:
    test = "try:\n    double(0)\nexcept Exception:\n    pass"
    with pytest.raises(NoAnswer):
        replay(PROGRAM, test, "double", {} if outcome is None else {"(0,)": outcome})
    assert replay(PROGRAM, test, "double", {"(0,)": ("exception", "MyError")})
