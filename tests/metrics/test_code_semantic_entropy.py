import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.metrics.code_semantic_entropy import CodeSemanticEntropy
from conself.records import Undefined

ENTROPY = CodeSemanticEntropy(min_alive=3)
Score = Callable[..., Any]


def test_entropy_is_over_live_candidates_only(score: Score) -> None:
    # live clusters of 2 and 1, two crashed: H = 2/3 ln 3/2 + 1/3 ln 3
    value = score(ENTROPY, ["ab", "ab", "cb", "..", ".."])
    assert value == pytest.approx(2 / 3 * math.log(1.5) + math.log(3) / 3, abs=1e-15)


def test_a_crash_on_some_inputs_is_part_of_the_behaviour(score: Score) -> None:
    assert score(ENTROPY, ["ab", "a.", "a."]) == pytest.approx(math.log(3) - 2 / 3 * math.log(2), abs=1e-15)


def test_fewer_than_three_live_candidates_leave_it_undefined(score: Score) -> None:
    assert score(ENTROPY, ["a", "b", ".", "."]) == Undefined("fewer than 3 live candidates")
    assert score(CodeSemanticEntropy(2), ["a", "b", "."]) == pytest.approx(math.log(2))
    assert score(ENTROPY, []) == Undefined("fewer than 3 live candidates")


def test_min_alive_must_leave_someone() -> None:
    with pytest.raises(ValueError, match="min_alive must be at least 1, got 0"):
        CodeSemanticEntropy(0)


@given(k=st.integers(3, 20))
def test_unanimous_is_zero_and_all_distinct_is_log_k(score: Score, k: int) -> None:
    assert score(ENTROPY, ["xy"] * k) == 0.0
    assert score(ENTROPY, [chr(97 + i) for i in range(k)]) == pytest.approx(math.log(k), abs=1e-12)
