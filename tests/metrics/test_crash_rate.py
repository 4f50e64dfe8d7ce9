from collections.abc import Callable

from conself.metrics.crash_rate import CrashRate
from conself.records import Pool, Undefined


def test_only_a_crash_on_all_inputs_counts(make_pool: Callable[..., Pool]) -> None:
    assert CrashRate()(make_pool(["ab", "a.", "..", ".b"])) == 0.25
    assert CrashRate()(make_pool(["..", ".."])) == 1.0
    assert CrashRate()(make_pool(["ab"])) == 0.0


def test_without_candidates_it_is_undefined(make_pool: Callable[..., Pool]) -> None:
    assert CrashRate()(make_pool([])) == Undefined("no candidates")
