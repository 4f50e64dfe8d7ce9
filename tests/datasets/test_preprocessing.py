"""The rules for training problems, and the reading of tests in APPS' format."""

import ast
import json
import math
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conself.datasets.apps_format.pairs import Pair, read_pairs, unwrapped
from conself.datasets.apps_format.rules import (
    ALL_LONG,
    NO_INPUTS,
    NO_NAME,
    PICTURES,
    Preprocessing,
    chosen_pairs,
    has_pictures,
    lacks_name,
)
from conself.datasets.validation import Rejected, fault
from conself.oracles import AppsOracle, WrappedAppsOracle
from conself.sandbox import canonical
from conself.sandbox.jsonlines import literal

RULES = Preprocessing(max_pairs=30, max_length=5000, length_counts_from=5, picture_marks=("[Image]",))
ROW = {"question": "Echo.", "starter_code": "", "difficulty": "EASY", "picture_num": None}


def packed(inputs: list[Any], outputs: list[Any], **more: Any) -> str:
    return json.dumps({"inputs": inputs, "outputs": outputs, **more})


def stdin_row(*sizes: tuple[int, int]) -> dict[str, Any]:
    """A stdin problem whose inputs and outputs have these lengths."""
    return {**ROW, "input_output": packed(["i" * a for a, _ in sizes], ["o" * b for _, b in sizes])}


@pytest.mark.parametrize(
    ("count", "statement", "has"),
    [
        (None, "Add.", False),
        ("", "Add.", False),
        ("0", "Add.", False),
        ("2", "Add.", True),
        (1, "Add.", True),
        (0.0, "Add.", False),
        (None, "See [Image].", True),
        ("0", "See [Image].", True),
    ],
)
def test_pictures(count: object, statement: str, has: bool) -> None:
    assert has_pictures(statement, count, ("[Image]",)) is has


def test_a_number_of_pictures_that_is_no_number_is_malformed() -> None:
    with pytest.raises(ValueError, match="picture_num 'two' is no number"):
        has_pictures("Add.", "two", ())


def test_starter_code_needs_a_name() -> None:
    assert lacks_name("def f(x):", None)
    assert not lacks_name("def f(x):", "f")
    assert not lacks_name(" \n", None)


@pytest.mark.parametrize(
    ("lengths", "kept"),
    [
        ([6, 6, 6, 6], [0, 1, 2, 3]),  # fewer than five: all stay, whatever their length
        ([6, 6, 5, 5, 6], [2, 3]),  # five: those of at most 5
        ([6, 1, 2, 3, 4, 5], [1, 2, 3]),  # first the long ones go, then the first three stay
        ([9] * 5, []),
    ],
)
def test_pairs_that_are_kept(lengths: list[int], kept: list[int]) -> None:
    pairs = [Pair(str(i), "", length) for i, length in enumerate(lengths)]
    most = 3 if len(lengths) > 5 else 4
    assert [int(pair.input) for pair in chosen_pairs(pairs, most, 5, 5)] == kept


def test_the_papers_limits() -> None:
    """30 pairs; 5,000 characters, on either side, where there are 5 pairs."""
    sizes = [(5000, 1), (5001, 1), (1, 5001), (1, 5000), *[(2, 2)] * 40]
    found = RULES.convert(stdin_row(*sizes), "p", "s")
    assert not isinstance(found, Rejected)
    problem, oracle = found
    assert [len(text) for text in problem.inputs] == [5000, 1, *[2] * 28]
    assert [len(text) - 2 for text in oracle.expected] == [1, 5000, *[2] * 28]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"picture_num": "1"}, PICTURES),
        ({"question": "[Image]"}, PICTURES),
        ({"input_output": ""}, NO_INPUTS),
        ({"input_output": None}, NO_INPUTS),
        ({"input_output": "{}"}, NO_INPUTS),
        ({"input_output": '""'}, NO_INPUTS),
        ({"input_output": packed([], [])}, NO_INPUTS),
        ({"starter_code": "def f(x):", "input_output": packed(["1"], ["1"])}, NO_NAME),
        ({"input_output": packed(["9" * 5001] * 5, ["1"] * 5)}, ALL_LONG),
    ],
)
def test_each_rule_gives_its_reason(change: dict[str, Any], reason: str) -> None:
    assert RULES.convert({**ROW, "input_output": packed(["1"], ["1"]), **change}, "p", "s") == Rejected("p", reason)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Expecting property name"),
        ("[1]", "must be a JSON object, got list"),
        (packed(["1", "2"], ["1"]), "2 inputs but 1 outputs"),
        ('{"inputs": "1", "outputs": "1"}', "must be lists"),
        (packed([1], ["1"]), "input of a stdin problem must be text or a list of lines"),
        (packed(["1"], [[1]]), "output of a stdin problem must be text or a list of lines"),
        (packed(["1"], ["1"], fn_name=5), "fn_name must be text"),
        (packed(["1"], [1], fn_name="f"), "must be a list of arguments, got str"),
        ('{"inputs": [[NaN]], "outputs": [1], "fn_name": "f"}', "nan"),
        ('{"inputs": [[' + "[" * 50_000 + "]" * 50_000 + ']], "outputs": [1], "fn_name": "f"}', "nest"),
        ('{"inputs": ["' + "\\ud800" * 2, "Invalid"),
    ],
)
def test_malformed_tests_say_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_pairs(text, "")


def test_stdin_tests_are_texts_or_lists_of_lines() -> None:
    once = packed(["1 2\n", ["3", "4"]], ["3\n", ["5", "6"]])
    for text in (once, json.dumps(once)):  # at times JSON twice
        assert read_pairs(text, "") == (None, [Pair("1 2\n", '"3\\n"', 4), Pair("3\n4", '"5\\n6"', 3)])


def test_call_tests_are_literals_of_argument_tuples_and_canonical_values() -> None:
    text = packed([[[1, 2], "a"], [[], "ä"]], [[3], [None]], fn_name="f")
    name, pairs = read_pairs(text, "def f(xs, s):")
    assert name == "f"
    assert [pair.input for pair in pairs] == ["([1, 2], 'a')", "([], 'ä')"]
    assert [pair.expected for pair in pairs] == ["3", "null"]


@pytest.mark.parametrize(
    ("outputs", "starter_code", "values"),
    [
        ([[3], [4]], "def f(x):", [3, 4]),
        ([[3], [4]], "", [3, 4]),
        ([[[1]], [[2, 3]]], "def f(x):", [[1], [2, 3]]),
        ([[3], [4, 5]], "def f(x):", [[3], [4, 5]]),
        ([[3], []], "def f(x):", [[3], []]),
        ([3, 4], "def f(x):", [3, 4]),
        ([[3], 4], "def f(x):", [[3], 4]),
        (["a", "b"], "def f(x):", ["a", "b"]),
        ([[3], [4]], "class Solution:\n    def f(self, x: List[int]) -> List[int]:\n        ", [[3], [4]]),
        ([[3], [4]], "class Solution:\n    def f(self, x: int) -> int:\n        ", [3, 4]),
        ([[3], [4]], "def g(x) -> List[int]:\n    pass\ndef f(x):", [3, 4]),
        ([[3], [4]], "def f(\n    x: int,\n) -> Optional[List[int]]:\n", [[3], [4]]),
    ],
)
def test_wrapped_outputs_by_the_rule(outputs: list[Any], starter_code: str, values: list[Any]) -> None:
    assert unwrapped(outputs, "f", starter_code) == values


@pytest.mark.parametrize(
    ("outputs", "kind"), [([[3], [4]], WrappedAppsOracle), ([3, 4], AppsOracle), ([[3], [4, 5]], AppsOracle)]
)
def test_the_oracle_says_whether_its_values_stood_in_lists(outputs: list[Any], kind: type[AppsOracle]) -> None:
    row = {**ROW, "starter_code": "def f(x):", "input_output": packed([[1], [2]], outputs, fn_name="f")}
    found = RULES.convert(row, "p", "s")
    assert not isinstance(found, Rejected)
    assert type(found[1]) is kind


def test_keys_of_objects_become_ints_again() -> None:
    text = packed([[{"1": 2, "-3": 4}], [{"a": 1, "2": 2}]], [[{"5": 6}], [{}]], fn_name="f")
    _, (one, two) = read_pairs(text, "")
    assert (one.input, one.expected) == ("({1: 2, -3: 4},)", canonical({5: 6}))
    assert (two.input, two.expected) == ("({'a': 1, '2': 2},)", canonical({}))


def test_huge_ints_and_infinities_are_literals_within_the_interpreters_limits() -> None:
    limit = sys.get_int_max_str_digits()
    huge = "9" * 6000
    _, pairs = read_pairs(f'{{"inputs": [[{huge}, Infinity, -1e999]], "outputs": [-{huge}], "fn_name": "f"}}', "")
    assert ast.literal_eval(pairs[0].input) == (10**6000 - 1, math.inf, -math.inf)
    assert pairs[0].expected == canonical(1 - 10**6000)
    assert sys.get_int_max_str_digits() == limit
    with pytest.raises(ValueError, match="an int of 200000 digits"):
        read_pairs(f'{{"inputs": [[{"9" * 200_000}]], "outputs": [1], "fn_name": "f"}}', "")


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**700), 10**700) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(plain, max_size=4))
def test_literals_are_read_back(arguments: list[Any]) -> None:
    assert ast.literal_eval(literal(tuple(arguments))) == tuple(arguments)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=12),
    st.integers(1, 12),
    st.integers(1, 10),
    st.integers(1, 8),
    st.booleans(),
)
def test_inputs_and_oracles_stay_aligned(
    sizes: list[tuple[int, int]], most: int, longest: int, counts_from: int, is_call: bool
) -> None:
    """Whatever is dropped: the n-th expected output belongs to the n-th input, and order is kept."""
    rules = Preprocessing(most, longest, counts_from, ())
    texts = [(f"{number}:" + "i" * a, f"{number}:" + "o" * b) for number, (a, b) in enumerate(sizes)]
    if is_call:
        row = {**ROW, "input_output": packed([[a] for a, _ in texts], [[b] for _, b in texts], fn_name="f")}
    else:
        row = {**ROW, "input_output": packed([a for a, _ in texts], [b for _, b in texts])}
    found = rules.convert(row, "p", "s")
    if isinstance(found, Rejected):
        assert found.reason == (NO_INPUTS if not sizes else ALL_LONG)
        return
    problem, oracle = found
    given_numbers = [int((ast.literal_eval(text)[0] if is_call else text).split(":")[0]) for text in problem.inputs]
    wanted_numbers = [int(json.loads(text).split(":")[0]) for text in oracle.expected]
    assert given_numbers == wanted_numbers == sorted(given_numbers)
    assert 1 <= len(given_numbers) <= most
    assert problem.id == oracle.problem_id
    assert fault(problem) is None


def test_limits_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be 1 or more"):
        Preprocessing(0, 5000, 5, ())
