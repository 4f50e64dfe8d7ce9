"""Pairs of a curriculum: direct prompts, counted reasons, seeded caps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.pairings.build import capped, ordered
from conself.records import PreferencePair


def pair(problem: str, loser: int = 1) -> PreferencePair:
    return PreferencePair(problem, "q", "yes", "no", 0, loser, 0.9)


def test_no_cap_keeps_all_in_order() -> None:
    pairs = [pair("b"), pair("a")]
    assert capped(pairs, None, seed=0, ranked=False) == pairs


@given(st.integers(1, 40), st.integers(0, 3), st.permutations([f"p{i}" for i in range(10)]))
def test_cap_takes_whole_problems_whatever_the_order(count: int, seed: int, order: list[str]) -> None:
    pairs = [pair(problem, loser) for problem in order for loser in (1, 2, 3)]
    found = capped(pairs, count, seed, ranked=False)
    assert len(found) == min(count, 30)
    complete = {p.problem_id for p in found if sum(q.problem_id == p.problem_id for q in found) == 3}
    assert len({p.problem_id for p in found} - complete) <= 1
    by_name = [pair(problem, loser) for problem in sorted(order) for loser in (1, 2, 3)]
    assert {p.problem_id for p in capped(by_name, count, seed, ranked=False)} == {p.problem_id for p in found}


def test_another_seed_draws_other_problems() -> None:
    pairs = [pair(f"p{i}") for i in range(50)]
    assert capped(pairs, 10, 0, ranked=False) != capped(pairs, 10, 1, ranked=False)


def test_a_cap_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_pairs must be an int of at least 1, or null for all, got 0"):
        capped([pair("a")], 0, 0, ranked=False)


def test_ranked_pairs_are_cut_where_the_ranking_is() -> None:
    pairs = [pair("c", 1), pair("c", 2), pair("a", 1), pair("a", 2), pair("b", 1)]
    assert capped(pairs, 3, seed=0, ranked=True) == pairs[:3]
    assert capped(pairs, 9, seed=0, ranked=True) == pairs


def test_a_ranking_orders_the_pairs_and_other_selections_do_not() -> None:
    pairs = [pair("a", 1), pair("a", 2), pair("c", 1), pair("d", 1)]
    assert ordered(pairs, ("d", "a", "c"), ranked=True) == [pairs[3], pairs[0], pairs[1], pairs[2]]
    assert ordered(pairs, ("d", "a", "c"), ranked=False) == pairs
