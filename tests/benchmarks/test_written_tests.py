"""Accuracy and mutation score of written tests, by hand: replies of a model about a function that doubles."""

import pytest

from conself.agreement.comparison import Comparison
from conself.benchmarks.written_tests import Graded, WrittenTests, figures, grade, inputs_of
from conself.generated_tests.reader import TestReader
from conself.records import Outcome, Problem, Status

PROBLEM = Problem("p", "Double it.", "def f(x):\n    ...", "f", ("(1,)",), "", "")
BY_VALUE = Comparison(True, "by_value", "tolerance", 6, True)
REPLIES = (
    "assert f(1) == 2\nassert f(5) == 10",
    "assert f(0) == 0",
    '[{"input": [5], "expected": 11}]',
    "It doubles its argument.",
    '[{"input": [1]}]',  # claims nothing
    "assert f(1) == 2\nassert f(0) == 1",  # the second is wrong
)
READ = [TestReader(5, 4096).of_reply(PROBLEM, number, text) for number, text in enumerate(REPLIES)]
INPUTS = ("(1,)", "(5,)", "(0,)")


def outcomes(text: str) -> list[Outcome]:
    return [Outcome(Status.EXCEPTION, "") if word == "E" else Outcome(Status.OK, word) for word in text.split()]


REFERENCE = outcomes("2 10 0")
MUTANTS = [outcomes("3 11 1"), outcomes("2 7 0"), outcomes("E E E"), outcomes("2 10 0")]
"""x * 2 + 1, x + ..., one that crashes, and one that is equivalent."""


def test_inputs_are_run_once() -> None:
    assert inputs_of(READ, False) == INPUTS


def test_replies_by_hand() -> None:
    found = grade(READ, INPUTS, REFERENCE, MUTANTS, BY_VALUE, False)
    assert found == [
        Graded(True, 3 / 4),  # 3 of 4 fail f(1) == 2 or f(5) == 10
        Graded(True, 2 / 4),  # the one that gives 0 for 0 passes, as the equivalent one does
        Graded(False, 0.0),
        Graded(None, 0.0),
        Graded(None, 0.0),
        Graded(False, 0.0),
    ]
    expected = WrittenTests(2 / 6, 2 / 6, (3 / 4 + 2 / 4) / 6, 6, 0)
    assert figures({"p": found}) == expected


def test_problems_without_mutants_are_counted() -> None:
    found = grade(READ[:4], INPUTS, REFERENCE, [], BY_VALUE, False)
    assert found == [Graded(True, None), Graded(True, None), Graded(False, None), Graded(None, None)]
    assert figures({"p": found}) == WrittenTests(0.5, 0.25, None, 4, 4)
    both = {"p": found, "q": [Graded(True, 0.5)]}
    assert figures(both) == WrittenTests(3 / 5, 1 / 5, 0.5, 5, 4)


def test_a_reference_that_crashes_is_right_of_nothing() -> None:
    (found,) = grade(READ[:1], INPUTS[:2], outcomes("E E"), [outcomes("3 11")], BY_VALUE, False)
    assert found == Graded(False, 0.0)


def test_what_cannot_be_graded() -> None:
    with pytest.raises(ValueError, match="no replies to grade"):
        figures({"p": []})
    with pytest.raises(ValueError, match="was not executed"):
        grade(READ, INPUTS[:2], REFERENCE[:2], [], BY_VALUE, False)
