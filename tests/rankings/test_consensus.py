"""Consensus scores by hand, and the ranking that they give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.traces import agreement_of
from conself.rankings.consensus import by_consensus, consensus_scores


def keys_of(*rows: str) -> list[list[str | None]]:
    """``"ab."`` is a trace of three cells: a, b, CRASH."""
    return [[None if cell == "." else cell for cell in row] for row in rows]


def test_a_problem_worked_by_hand() -> None:
    rows = keys_of("ab", "ab", "a.", "cb", "..")
    # V_1 = {a, a, a, c}, V_2 = {b, b, b}
    # R_0 = R_1 = (3/4 + 3/3) / 2 = 0.875; R_2 = (3/4 + 0) / 2 = 0.375; R_3 = (1/4 + 1) / 2 = 0.625; R_4 = 0
    assert consensus_scores(rows) == [0.875, 0.875, 0.375, 0.625, 0.0]
    ranked = by_consensus(agreement_of(rows))
    assert ranked.order == ((0, 1), (3,), (2,))
    assert (ranked.left_out, ranked.solutions, ranked.winner, ranked.winner_weight) == ((4,), (0, 1), 0, 0.875)
    assert ranked.losers == (2, 3, 4)


def test_an_input_on_which_all_crash_adds_nothing_but_counts() -> None:
    # V_2 is empty: R = (1/1 + 0) / 2
    assert consensus_scores(keys_of("a.", "..")) == [0.5, 0.0]


def test_crashed_losers_come_after_all_live_ones() -> None:
    ranked = by_consensus(agreement_of(keys_of("..", "aa", "aa", "ab", "..", "cd")))
    # R_1 = (3/4 + 2/4) / 2 = .625, R_3 = (3/4 + 1/4) / 2 = .5, R_5 = (1/4 + 1/4) / 2 = .25
    assert ranked.winner == 1
    assert ranked.losers == (5, 3, 0, 4)


def test_losers_of_equal_score_come_by_index() -> None:
    assert by_consensus(agreement_of(keys_of("a", "c", "a", "b"))).losers == (1, 3)


def test_of_tied_behaviours_only_the_first_is_held_right() -> None:
    ranked = by_consensus(agreement_of(keys_of("b", "a", "b", "a")))
    assert (ranked.order, ranked.solutions, ranked.losers) == (((0, 1, 2, 3),), (0, 2), ())


def test_float_noise_separates_no_scores() -> None:
    # candidate 0 collects .1, .2, .3 and candidate 1 .3, .2, .1: as floats these sums differ
    assert 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1
    scores = consensus_scores(keys_of("aac", "bad", "bzc", "bzc", *["zzz"] * 6))
    assert scores[0] == scores[1] == 0.2


_ROWS = st.integers(1, 4).flatmap(
    lambda m: st.lists(st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=m, max_size=m), min_size=1, max_size=8)
)


@given(_ROWS.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_order_of_candidates_changes_no_score(both: tuple[list[list[str | None]], list[list[str | None]]]) -> None:
    one, other = map(consensus_scores, both)
    assert sorted(one) == sorted(other)


@given(_ROWS)
def test_scores_lie_in_the_unit_interval_and_only_crashed_ones_are_zero(rows: list[list[str | None]]) -> None:
    agreement, scores = agreement_of(rows), consensus_scores(rows)
    assert all(0 <= score <= 1 for score in scores)
    assert [score == 0 for score in scores] == list(agreement.crashed)
    if agreement.n_alive:
        ranked = by_consensus(agreement)
        assert ranked.winner is not None
        assert scores[ranked.winner] == ranked.winner_weight == pytest.approx(max(scores), abs=1e-12)
        assert all(scores[index] < scores[ranked.winner] for index in ranked.losers)
