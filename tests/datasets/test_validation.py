"""Bad problems are skipped, named and counted."""

import logging
from dataclasses import replace

import pytest

from conself.datasets.validation import Rejected, fault, sift
from conself.records import Problem

GOOD = Problem("p", "Add one.", "def f(n):", "f", ("(1,)", "([2],)"), "test", "easy")


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (GOOD, None),
        (replace(GOOD, entry_point=None, inputs=("any text",)), None),
        (replace(GOOD, id=" "), "no id"),
        (replace(GOOD, statement="\n"), "empty statement"),
        (replace(GOOD, inputs=()), "no inputs"),
        (replace(GOOD, entry_point="f()"), "entry point is no identifier"),
        (replace(GOOD, inputs=("(1,)", "1")), "an input is not the literal of an argument tuple"),
        (replace(GOOD, inputs=("(x,)",)), "an input is not the literal of an argument tuple"),
        (replace(GOOD, inputs=("__import__('os')",)), "an input is not the literal of an argument tuple"),
        (replace(GOOD, inputs=("(",)), "an input is not the literal of an argument tuple"),
        (replace(GOOD, inputs=("({[1]: 2},)",)), "an input is not the literal of an argument tuple"),
        (replace(GOOD, inputs=("({[1]},)",)), "an input is not the literal of an argument tuple"),
        (replace(GOOD, inputs=("(1\0,)",)), "an input is not the literal of an argument tuple"),
        (replace(GOOD, inputs=("(" * 10**5 + ")" * 10**5,)), "an input is not the literal of an argument tuple"),
        (replace(GOOD, inputs=("(" + "-" * 10**5 + "1,)",)), "an input is not the literal of an argument tuple"),
        (replace(GOOD, inputs=("(" + "1+" * 10**5 + "1,)",)), "an input is not the literal of an argument tuple"),
        (replace(GOOD, id="\ud800"), "text that cannot be written as UTF-8"),
        (replace(GOOD, statement="Add \ud800."), "text that cannot be written as UTF-8"),
        (replace(GOOD, starter_code="# \udfff"), "text that cannot be written as UTF-8"),
        (replace(GOOD, entry_point="\ud800"), "text that cannot be written as UTF-8"),
        (replace(GOOD, entry_point=None, inputs=("1", "\ud800")), "text that cannot be written as UTF-8"),
        (replace(GOOD, difficulty="\ud800"), "text that cannot be written as UTF-8"),
        (replace(GOOD, statement="Add \U0001f600.", inputs=("('\\ud800',)",)), None),
    ],
)
def test_fault(problem: Problem, reason: str | None) -> None:
    assert fault(problem) == reason


def test_sift_keeps_order_and_counts_reasons(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    second = replace(GOOD, id="q")
    kept, dropped = sift(
        [GOOD, replace(GOOD, id="r", statement=""), second, GOOD, replace(GOOD, id="s", statement=" ")]
    )
    assert kept == [GOOD, second]
    assert dropped == {"empty statement": 2, "id used twice": 1}
    assert "skipped problem 'r' (number 2): empty statement" in caplog.text


def test_sift_counts_what_could_not_be_read(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bad = [Rejected("mine/1", "malformed line"), Rejected("p", "malformed line")]
    kept, dropped = sift([bad[0], bad[1], GOOD, replace(GOOD, id="q", inputs=())])
    assert kept == [GOOD], "a rejected record takes no id"
    assert dropped == {"malformed line": 2, "no inputs": 1}
    assert "skipped problem 'mine/1' (number 1): malformed line" in caplog.text
    with pytest.raises(ValueError, match=r"no usable problem \(2 with malformed line\)"):
        sift(bad)


def test_nothing_usable_says_why() -> None:
    with pytest.raises(ValueError, match=r"no usable problem \(2 with no inputs\)"):
        sift([replace(GOOD, inputs=()), replace(GOOD, id="q", inputs=())])
    with pytest.raises(ValueError, match="it is empty"):
        sift([])
