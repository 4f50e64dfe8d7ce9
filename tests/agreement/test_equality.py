"""The table of docs/equality.md is what the code does, pair by pair and rule by rule."""

import json
import math
import re
import time
from collections import Counter, deque, namedtuple
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.comparison import Comparison
from conself.agreement.linkage import linked
from conself.agreement.traces import clusters, trace_keys
from conself.benchmarks import harness
from conself.harness.standin import decode
from conself.records import Candidate, Outcome, Pool, Problem, Status, Trace
from conself.sandbox import canonical
from conself.statistics.prediction import Equal

PAGE = Path(__file__).parents[2] / "docs" / "equality.md"


def comparison(numbers: str, floats: str) -> Comparison:
    return Comparison(list_equals_tuple=True, numbers=numbers, floats=floats, float_digits=6, split_whitespace=True)


BY_TYPE, BY_VALUE = comparison("by_type", "digits"), comparison("by_value", "tolerance")
RULES = {
    "`by_type`, `digits`": BY_TYPE.equal,
    "`by_value`, `tolerance`": BY_VALUE.equal,
    "LiveCodeBench": harness.livecodebench,
    "APPS, TACO": harness.apps,
    "tests": None,
}
_PRINTED = "print: "


class Node:
    def __init__(self, val: int, next: "Node | None" = None) -> None:  # noqa: A002 - as LeetCode has it
        self.val, self.next = val, next


class Liar:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


Colour, Level = Enum("Colour", "RED"), IntEnum("Level", "LOW")
Point = namedtuple("Point", "x y")
WORLD = {
    **{kind.__name__: kind for kind in (Counter, Decimal, Fraction, Liar, Node, Point, date, deque)},
    "Colour": Colour,
    "Level": Level,
    "nan": math.nan,
    "inf": math.inf,
}


def value(text: str) -> Any:
    return eval(text.removeprefix(_PRINTED), dict(WORLD))


def verdict(rule: str, one: str, other: str) -> str:
    """What a rule says, as the table writes it; of tests, whether a recorded value == what is written in a test."""
    is_stdout, equal = one.startswith(_PRINTED), RULES[rule]
    if equal is None:
        if is_stdout:
            return "-"
        return "yes" if decode(json.loads(canonical(value(one)))) == value(other) else "no"
    return "yes" if equal(canonical(value(one)), canonical(value(other)), is_stdout) else "no"


def rows() -> list[list[str]]:
    table = PAGE.read_text().partition("| one |")[2]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_table_has_its_head_and_its_pairs() -> None:
    head = next(line for line in PAGE.read_text().splitlines() if line.startswith("| one |"))
    assert [cell.strip() for cell in head.strip("|").split("|")] == ["one", "other", *RULES]
    assert len(rows()) >= 40


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[0]} {row[1]}")
def test_a_row_of_the_table(row: list[str]) -> None:
    one, other, *said = row
    assert [verdict(rule, one.strip("`"), other.strip("`")) for rule in RULES] == said


@pytest.mark.parametrize("row", [row for row in rows() if not row[0].startswith(f"`{_PRINTED}")])
def test_where_values_are_read_whole_tests_say_what_python_says(row: list[str]) -> None:
    one, other = row[0].strip("`"), row[1].strip("`")
    if re.search(r"Node|Liar|Colour|len", one):
        assert row[-1] == "no"  # no object of a program is handed to tests
    else:
        assert row[-1] == ("yes" if value(one) == value(other) else "no")


def test_equality_is_symmetric_for_clusters() -> None:
    for one, other, *_ in rows():
        for rule in list(RULES)[:2]:
            assert verdict(rule, one.strip("`"), other.strip("`")) == verdict(rule, other.strip("`"), one.strip("`"))


def keys(*values: object) -> list[str | None]:
    return BY_VALUE.keys([canonical(each) for each in values], is_stdout=False)


def test_a_chain_of_close_values_is_one_group() -> None:
    # neighbours differ by 8e-7 of their size, the ends by 1.6e-6: single linkage
    assert len(set(keys(0.5, 0.5000004, 0.5000008))) == 1
    assert len(set(keys(0.5, 0.5000008))) == 2


def test_whole_numbers_part_a_chain() -> None:
    # at 5e7 the tolerance is 50: .3 and .6 lie between whole numbers and go to the nearer one
    one, third, two_thirds, two = keys(50_000_001, 50_000_001.3, 50_000_001.6, 50_000_002.0)
    assert one == third
    assert two_thirds == two
    assert one != two
    assert linked([3, 2.9999999, 3.0000001, 4]) == [3, 3, 3, 4]


def test_places_are_compared_where_shapes_are_equal() -> None:
    same, other, longer = keys([0.3, {"a": 0.1 + 0.2}], [0.1 + 0.2, {"a": 0.3}], [0.3, {"a": 0.3}, 0])
    assert same == other != longer
    assert keys([0.3], (0.1 + 0.2,))[0] == keys([0.3], (0.1 + 0.2,))[1]
    assert keys([0.3], "[0.3]")[0] != keys([0.3], "[0.3]")[1]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30), max_size=8))
def test_linkage_is_a_partition_that_keeps_whole_numbers(numbers: list[float]) -> None:
    found = linked(numbers)
    assert linked(numbers[::-1]) == found[::-1]
    assert linked(found) == found
    for number, standing in zip(numbers, found, strict=True):
        assert math.isclose(number, standing, rel_tol=1e-6 * 8, abs_tol=1e-9 * 8)
        if number == int(number):
            assert standing == number


def trace_of(index: int, *outcomes: object) -> Trace:
    return Trace("p", index, tuple(Outcome(Status.OK, canonical(each)) for each in outcomes))


def test_what_cannot_be_read_agrees_with_nobody() -> None:
    problem = Problem("p", "", "", "f", ("(1,)", "(2,)"), "test", "")
    traces = [trace_of(0, len, 1), trace_of(1, len, 1), trace_of(2, [len], 1), trace_of(3, 1, 1)]
    drawn = [Candidate("p", k, None, "", "", "stop", None, None, None, 1) for k in range(4)]
    for rule in (BY_TYPE, BY_VALUE):
        found = trace_keys(Pool(problem, drawn, traces), rule)
        assert clusters(found) == [(0,), (1,), (2,), (3,)]  # alive, each by itself
        assert len({row[1] for row in found}) == 1


@pytest.mark.parametrize("setting", [{"numbers": "by_size"}, {"floats": "exact"}])
def test_unknown_words_are_told(setting: dict[str, str]) -> None:
    [name] = setting
    with pytest.raises(ValueError, match=rf"comparison\.{name} must be \w+ or \w+, got"):
        comparison(**{"numbers": "by_type", "floats": "digits", **setting})


@pytest.mark.parametrize(
    ("given_", "expected", "is_right"),
    [
        ([7], 7, True),  # the data set has [7], and its harnesses take both
        (7, 7, True),
        ([[0, 0]], [0, 0], True),
        ([7, 7], 7, False),
    ],
)
def test_a_wrapped_value_is_right_with_and_without_its_list(given_: object, expected: object, is_right: bool) -> None:
    assert harness.wrapped_apps(canonical(given_), canonical(expected), is_stdout=False) is is_right
    if given_ != expected:
        assert not harness.apps(canonical(given_), canonical(expected), is_stdout=False)


class Hashed(list[int]):
    """A list that can be in a set and a key of a dict, where Python's own cannot."""

    def __hash__(self) -> int:
        return 1


@pytest.mark.parametrize("rule", [harness.livecodebench, harness.apps, harness.wrapped_apps])
@pytest.mark.parametrize(
    "value",
    [
        canonical({Hashed([1])}),
        canonical({Hashed([1]): 2}),
        canonical([frozenset({Hashed([1])})]),
        canonical(Decimal("sNaN")),
        '{"q":1}',  # of no type: a program can write anything
        "[" * 5000 + "]" * 5000,
    ],
)
def test_a_value_that_python_cannot_hold_is_wrong_and_ends_nothing(rule: Equal, value: str) -> None:
    for expected in ("5", "[]", '{"s":[]}', value):
        assert not rule(value, expected, False)


@pytest.mark.parametrize("given_", ["snan", "sNaN 1", "-snan7", "nan"])
def test_a_printed_nan_is_no_number(given_: str) -> None:
    for wanted in ("5", "5 1", "snan7", "x"):
        assert not harness.livecodebench(canonical(given_), canonical(wanted), is_stdout=True)
        assert not harness.livecodebench(canonical(wanted), canonical(given_), is_stdout=True)
        assert not harness.apps(canonical(given_), canonical(wanted), is_stdout=True)
    assert harness.livecodebench(canonical(given_), canonical(given_), is_stdout=True)  # as text


@pytest.mark.parametrize("text", ["1e999999999", "9" * 100_000, "-0e9999", "1e-99999", "\0", "nan", "sNaN", "."])
def test_hostile_tokens_are_cheap(text: str) -> None:
    value, start = canonical(text), time.process_time()
    for equal in (BY_VALUE.equal, harness.livecodebench, harness.apps):
        assert equal(value, value, True)
        assert not equal(value, canonical(f"{text}1 x"), True)
    assert time.process_time() - start < 2  # 10 ** 999999999 alone takes minutes, and gigabytes
