"""Tests as the corpus writes them: by hand, at the planned rates, and as the reader of tests reads them."""

from collections import Counter
from math import sqrt

import pytest

from conself.generated_tests.generated_test import Reason
from conself.generated_tests.reader import TestReader
from conself.minipy.compositions import Steps, starter_code
from conself.minipy.inputs import Value
from conself.minipy.primitives.base import Kind
from conself.minipy.randomness import generator
from conself.minipy.roles.claims import NOISE, call_text, literal, values_of, write_test, write_tests
from conself.minipy.roles.inputs import SORTS, draw_input
from conself.minipy.roles.reading import read
from conself.records import Problem

READER = TestReader(max_cases=20, max_literal_bytes=4096)
SQUARES = "Keep the even numbers, then square each number."


def chain(statement: str) -> Steps:
    steps = read(statement)
    assert steps is not None
    return steps


def written(statement: str, given: Value, noise: str, draws: int = 60) -> set[str]:
    return {write_test(chain(statement), given, noise, generator(f"test {index}")) for index in range(draws)}


def problem(steps: Steps) -> Problem:
    return Problem("p", "", starter_code(steps), "f", (), "minipy", "own")


def test_right_tests_by_hand() -> None:
    assert written("Keep the even numbers.", [3, 4], "right") == {"f([3,4]) == [4]"}
    assert written(SQUARES, [3, 4, -2], "right") == {"f([3,4,-2]) == ( # [4,-2]\n[16,4])"}
    assert written("Turn the string around, then make it upper case.", "ab c", "right") == {
        "f('ab c') == ( # 'c ba'\n'C BA')"
    }
    assert written("Double it; double it.", -3, "right") == {"f(-3) == ( # -6\n-12)"}


@pytest.mark.parametrize(
    ("noise", "given", "texts"),
    [
        ("off_by_one", [3, 4], {"f([3,4]) == [3]", "f([3,4]) == [5]"}),
        ("off_by_one", [3], {"f([3]) == [0]"}),  # the right list is empty
        ("wrong_type", [3, 4, 6], {"f([3,4,6]) == 2"}),
        ("arity", [3, 4], {"f([3,4],0) == [4]"}),
        ("variant", [3, 4, -2], {"f([3,4,-2]) == [3]", "f([3,4,-2]) == [4]"}),  # the operation's two bugs
    ],
)
def test_each_class_of_noise_by_hand(noise: str, given: Value, texts: set[str]) -> None:
    assert written("Keep the even numbers.", given, noise) == texts


def test_noise_of_ints_and_texts_by_hand() -> None:
    assert written("Double it.", 4, "off_by_one") == {"f(4) == 7", "f(4) == 9"}
    assert written("Double it.", 4, "wrong_type") == {"f(4) == [8]"}
    assert written("Turn the string around.", "ab", "off_by_one") == {"f('ab') == 'b'"}
    assert written("Turn the string around.", "", "off_by_one") == {"f('') == 'a'"}
    assert written("Turn the string around.", "ab", "wrong_type") == {"f('ab') == 2"}


def test_a_variant_shows_the_values_of_the_buggy_program() -> None:
    texts = written(SQUARES, [3, 4], "variant", 200)
    assert "f([3,4]) == ( # [3]\n[9])" in texts  # keeps the odd ones, then squares
    assert "f([3,4]) == ( # [4]\n[8])" in texts  # keeps the even ones, then doubles


def test_values_that_grow_too_large_are_none_and_no_test() -> None:
    steps = chain("Square it, then square it.")
    reference = [step.primitive.correct[0] for step in steps]
    assert values_of(steps, reference, 7) == [49, 2401]
    assert values_of(steps, reference, 8) is None  # 4096
    with pytest.raises(ValueError, match="too large"):
        write_test(steps, 8, "right", generator("test"))
    assert write_tests(steps, "large", 4, generator("test")) == []


def test_the_reader_reads_what_is_written() -> None:
    text = "\n".join([call_text("[3,4,-2]", [[4, -2]], [16, 4]), call_text("[1]", [], []), call_text("[2],0", [], [2])])
    read_tests = READER.of_reply(problem(chain(SQUARES)), 0, text)
    assert [(test.input, test.expected) for test in read_tests.tests] == [
        ("([3, 4, -2],)", "[16,4]"),
        ("([1],)", "[]"),
    ]
    assert read_tests.rejected == {Reason.ARITY: 1}


@pytest.mark.parametrize("value", [[], [1, -2], 7, -7, "", "a b"])
def test_literals_are_those_of_python(value: Value) -> None:
    assert eval(literal(value)) == value
    assert not isinstance(value, list) or " " not in literal(value)


def test_noise_comes_at_the_planned_rates() -> None:
    """Of an operation whose classes differ in what is written: 4,000 tests, within 4.5 standard deviations."""
    steps, counts = chain("Add 1 to each number."), Counter[str]()
    for index in range(4000):
        (line,) = write_tests(steps, "ordinary", 1, generator(f"rates {index}"))
        text, claim = line.split(" == ")
        if text.endswith(",0)"):
            counts["arity"] += 1
            continue
        given, value = eval(text[1:]), eval(claim)
        right = [x + 1 for x in given]
        if value == right:
            counts["right"] += 1
        elif not isinstance(value, list):
            counts["wrong_type"] += 1
        elif value in ([x - 1 for x in given], [x + 2 for x in given], [*given, 1]):
            counts["variant"] += 1
        else:
            counts["off_by_one"] += 1
    for name, share in (NOISE | {"right": 1 - sum(NOISE.values())}).items():
        assert abs(counts[name] - 4000 * share) <= 4.5 * sqrt(4000 * share * (1 - share)), name


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("kind", Kind)
def test_sorts_of_input(sort: str, kind: Kind) -> None:
    rng = generator("test sorts")
    values = [draw_input(kind, sort, (5,), rng) for _ in range(200)]
    sizes = {abs(value) if isinstance(value, int) else len(value) for value in values}
    low, high = {
        (Kind.LIST, "ordinary"): (3, 5),
        (Kind.LIST, "boundary"): (1, 4),
        (Kind.LIST, "empty"): (0, 1),
        (Kind.LIST, "large"): (6, 7),
        (Kind.INT, "ordinary"): (2, 40),
        (Kind.INT, "boundary"): (0, 12),
        (Kind.INT, "empty"): (0, 2),
        (Kind.INT, "large"): (100, 299),
        (Kind.STR, "ordinary"): (1, 7),
        (Kind.STR, "boundary"): (2, 6),
        (Kind.STR, "empty"): (0, 1),
        (Kind.STR, "large"): (5, 9),
    }[kind, sort]
    assert low <= min(sizes) <= max(sizes) <= high


def test_mixed_tests_go_through_the_sorts_without_repeating_an_input() -> None:
    lines = write_tests(chain("Turn the list around."), "mixed", 8, generator("test mixed"))
    inputs = [line.split(" == ")[0] for line in lines]
    assert len(set(inputs)) == len(inputs) == 8
    assert [len(eval(text[1:].replace(",0)", ")"))) for text in inputs[3::4]] == pytest.approx([6.5, 6.5], abs=0.5)
