from collections.abc import Callable
from typing import Any

from conself.metrics.crash_rate import CrashRate
from conself.records import Undefined


def test_only_a_crash_on_all_inputs_counts(score: Callable[..., Any]) -> None:
    assert score(CrashRate(), ["ab", "a.", "..", ".b"]) == 0.25
    assert score(CrashRate(), ["..", ".."]) == 1.0
    assert score(CrashRate(), ["ab"]) == 0.0


def test_without_candidates_it_is_undefined(score: Callable[..., Any]) -> None:
    assert score(CrashRate(), []) == Undefined("no candidates")
