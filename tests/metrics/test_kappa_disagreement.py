from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from conself.agreement.votes import entropy_with_singletons, kappa, kappas
from conself.metrics.kappa_disagreement import KappaDisagreement
from conself.records import Undefined

Score = Callable[..., Any]
LETTERS = st.sampled_from("abc")


def test_kappa_worked_by_hand() -> None:
    # agree on 3 of 4 inputs; chance: a 2/4 * 3/4 + b 2/4 * 1/4 = 1/2; (3/4 - 1/2) / (1 - 1/2)
    assert kappa([*"aabb"], [*"aaba"]) == pytest.approx(0.5)
    assert kappa([*"abcd"], [*"abcd"]) == 1.0
    assert kappa([*"ab"], [*"ba"]) == -1.0
    assert kappa([*"NNNN"], [*"NNNN"]) == 0.0  # agreement by habit
    assert kappa([*"NNNN"], [*"NNNa"]) == 0.0
    assert kappa(["a", "b", None], ["a", "b", None]) == 0.0  # a crash somewhere: wrong


@given(st.integers(2, 8).flatmap(lambda m: st.tuples(*[st.lists(LETTERS, min_size=m, max_size=m)] * 2)))
def test_kappa_is_that_of_the_field(pair: tuple[list[str], list[str]]) -> None:
    one, other = pair
    if len({*one, *other}) > 1:  # theirs divides by 0 there
        assert kappa(one, other) == pytest.approx(cohen_kappa_score(one, other), abs=1e-12)
    assert kappa(one, other) == kappa(other, one)


def test_kappas_of_all_pairs() -> None:
    assert kappas([("a", "b"), ("a", "b"), ("b", "a")]) == [[0, 1, -1], [1, 0, -1], [-1, -1, 0]]


def test_agreement_beyond_chance_is_what_counts(score: Score) -> None:
    metric = KappaDisagreement()
    assert score(metric, ["abc", "abc", "abc"]) == 0.0
    assert score(metric, ["NNN", "NNN", "NNN"]) == 1.0
    # pairs (0, 1): 1, all others 0: the mean of six is 1/6
    assert score(metric, ["abc", "abc", "NNN", "NNN"]) == pytest.approx(5 / 6)
    assert score(metric, ["ab", "ba"]) == 2.0  # less than chance


def test_one_input_tells_nothing_of_chance(score: Score) -> None:
    assert score(KappaDisagreement(), ["a", "a"]) == Undefined("fewer than 2 inputs")
    assert score(KappaDisagreement(), ["ab"]) == Undefined("fewer than 2 candidates")


def test_clusters_hold_no_more_than_there_are() -> None:
    with pytest.raises(ValueError, match="hold more than the 2"):
        entropy_with_singletons([3], 2)
