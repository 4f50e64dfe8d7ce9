import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.comparison import Comparison
from conself.metrics.code_semantic_entropy import CodeSemanticEntropy
from conself.records import Pool, Undefined

METHOD = Comparison(list_equals_tuple=True, float_digits=6, split_whitespace=True)
ENTROPY = CodeSemanticEntropy(min_alive=3, comparison=METHOD)


def test_entropy_is_over_live_candidates_only(make_pool: Callable[..., Pool]) -> None:
    # live clusters of 2 and 1, two crashed: H = 2/3 ln 3/2 + 1/3 ln 3
    value = ENTROPY(make_pool(["ab", "ab", "cb", "..", ".."]))
    assert value == pytest.approx(2 / 3 * math.log(1.5) + math.log(3) / 3, abs=1e-15)


def test_a_crash_on_some_inputs_is_part_of_the_behaviour(make_pool: Callable[..., Pool]) -> None:
    assert ENTROPY(make_pool(["ab", "a.", "a."])) == pytest.approx(math.log(3) - 2 / 3 * math.log(2), abs=1e-15)


def test_fewer_than_three_live_candidates_leave_it_undefined(make_pool: Callable[..., Pool]) -> None:
    assert ENTROPY(make_pool(["a", "b", ".", "."])) == Undefined("fewer than 3 live candidates")
    assert CodeSemanticEntropy(2, METHOD)(make_pool(["a", "b", "."])) == pytest.approx(math.log(2))
    assert ENTROPY(make_pool([])) == Undefined("fewer than 3 live candidates")


def test_min_alive_must_leave_someone() -> None:
    with pytest.raises(ValueError, match="min_alive must be at least 1, got 0"):
        CodeSemanticEntropy(0, METHOD)


@given(k=st.integers(3, 20))
def test_unanimous_is_zero_and_all_distinct_is_log_k(make_pool: Callable[..., Pool], k: int) -> None:
    assert ENTROPY(make_pool(["xy"] * k)) == 0.0
    assert ENTROPY(make_pool([chr(97 + i) for i in range(k)])) == pytest.approx(math.log(k), abs=1e-12)


@given(
    rows=st.lists(st.text("ab.", min_size=2, max_size=2), min_size=3, max_size=9).flatmap(
        lambda rows: st.tuples(st.just(rows), st.permutations(rows))
    )
)
def test_the_order_of_candidates_changes_nothing(
    make_pool: Callable[..., Pool], rows: tuple[list[str], list[str]]
) -> None:
    assert ENTROPY(make_pool(rows[0])) == ENTROPY(make_pool(rows[1]))
