"""Bad problems are skipped, named and counted."""

from dataclasses import replace

import pytest

from conself.datasets.validation import fault, sift
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
    ],
)
def test_fault(problem: Problem, reason: str | None) -> None:
    assert fault(problem) == reason


def test_sift_keeps_order_and_counts_reasons(caplog: pytest.LogCaptureFixture) -> None:
    second = replace(GOOD, id="q")
    kept, dropped = sift(
        [GOOD, replace(GOOD, id="r", statement=""), second, GOOD, replace(GOOD, id="s", statement=" ")]
    )
    assert kept == [GOOD, second]
    assert dropped == {"empty statement": 2, "id used twice": 1}
    assert "skipped problem 'r' (number 2): empty statement" in caplog.text


def test_nothing_usable_says_why() -> None:
    with pytest.raises(ValueError, match=r"no usable problem \(2 with no inputs\)"):
        sift([replace(GOOD, inputs=()), replace(GOOD, id="q", inputs=())])
    with pytest.raises(ValueError, match="it is empty"):
        sift([])
