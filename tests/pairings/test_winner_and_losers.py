"""Pairs of a winner and its losers, by hand: by consensus, and by pseudo tests (PFPO)."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.behaviour import Behaviour
from conself.agreement.traces import Agreement
from conself.pairings.build import Paired, pairs_of
from conself.pairings.winner_and_losers import WinnerAndLosers, why_no_pair
from conself.rankings.consensus import Consensus, consensus_scores
from conself.rankings.pseudo_tests import PseudoTests, pseudo_test_scores
from conself.rankings.ranked import Ranked
from conself.records import Pool

MakeCase = Callable[..., tuple[Pool, Agreement]]
THREE = WinnerAndLosers(max_losers=3, crashed_fill=True)


def by_consensus(case: tuple[Pool, Agreement], pairing: WinnerAndLosers = THREE) -> Paired:
    return pairs_of(*case, Consensus(Behaviour(False, None)), pairing)


def pfpo(case: tuple[Pool, Agreement], pairing: WinnerAndLosers = THREE) -> Paired:
    return pairs_of(*case, PseudoTests(), pairing)


def test_a_pairing_needs_indices_alone() -> None:
    ranked = Ranked(((2, 3), (0,), (1, 5)), (4,), (2,), (), None, None, applies=True)
    assert THREE(ranked, "abcdef") == [(2, 1), (2, 5), (2, 0)]
    assert THREE(ranked, "abcbaa") == [(2, 1), (2, 5)], "equal programs once"
    assert THREE(ranked, "cccccc") == []
    assert why_no_pair(ranked, "cccccc") == "every lower candidate repeats the winner's program"


def test_losers_are_the_three_lowest_live_ones(make_case: MakeCase) -> None:
    # V_1 = {a x 4, b, c x 2}: R = 4/7 for a, 2/7 for c, 1/7 for b
    case = make_case(["a", "a", "a", "c", "c", "b", "a", "."])
    assert by_consensus(case).pairs == [(0, 5), (0, 3), (0, 4)]
    assert by_consensus(case).ranked.winner_weight == pytest.approx(4 / 7)
    assert by_consensus(case, WinnerAndLosers(1, True)).pairs == [(0, 5)]


def test_a_crashed_loser_never_stands_beside_a_live_one(make_case: MakeCase) -> None:
    assert by_consensus(make_case([".", "a", "a", "b", "."])).pairs == [(1, 3)]


def test_crashed_losers_fill_in_where_no_live_one_qualifies(make_case: MakeCase) -> None:
    case = make_case([".", "a", "a", ".", ".", "."])
    assert by_consensus(case).pairs == [(1, 0), (1, 3), (1, 4)]
    refused = by_consensus(case, WinnerAndLosers(3, False))
    assert (refused.pairs, refused.reason) == ([], "only crashed candidates score below the winner")


def test_identical_programs_are_used_once(make_case: MakeCase) -> None:
    case = make_case(["b", "b", "c", "a", "a", "a"], ["same", "same", "other", "x", "y", "z"])
    # R = 1/2 for a, 1/3 for b, 1/6 for c
    assert by_consensus(case).pairs == [(3, 2), (3, 0)]


def test_the_winners_own_program_is_no_loser(make_case: MakeCase) -> None:
    # a program that answers differently from run to run: the same code, a lower score
    found = by_consensus(make_case(["a", "a", "b"], ["same", "other", "same"]))
    assert (found.pairs, found.reason) == ([], "every lower candidate repeats the winner's program")


def test_completions_without_code_are_told_apart_by_their_text(make_case: MakeCase) -> None:
    case = make_case(["a", "a", ".", "."], ["x", "y", None, None])
    assert by_consensus(case).pairs == [(0, 2), (0, 3)]


def test_reasons_for_no_pair(make_case: MakeCase) -> None:
    for rows, reason in [
        (["..", ".."], "every candidate crashed"),
        (["ab", "ab"], "no candidate scores below the winner"),
        (["a", "b"], "no candidate scores below the winner"),
    ]:
        found = by_consensus(make_case(rows))
        assert (found.pairs, found.reason) == ([], reason)


def test_max_losers_must_be_positive() -> None:
    with pytest.raises(ValueError, match="max_losers must be at least 1, got 0"):
        WinnerAndLosers(0, True)


@given(
    rows=st.lists(st.text("ab.", min_size=2, max_size=2), min_size=1, max_size=8),
    codes=st.lists(st.sampled_from(["x", "y", "z", None]), min_size=8, max_size=8),
)
def test_every_pair_prefers_strictly_more_agreement(
    make_case: MakeCase, rows: list[str], codes: list[str | None]
) -> None:
    pool, agreement = make_case(rows, codes[: len(rows)])
    pairs = by_consensus((pool, agreement)).pairs
    assert len(pairs) <= 3
    scores = consensus_scores(agreement.keys)
    losers = [loser for _, loser in pairs if loser is not None]
    assert len(losers) == len(pairs)
    assert all(scores[winner] > scores[loser] for winner, loser in pairs if loser is not None)
    written = [code for loser in losers if (code := pool.candidates[loser].code) is not None]
    assert len(set(written)) == len(written)
    assert len({agreement.crashed[loser] for loser in losers}) <= 1


def test_of_pseudo_tests_the_first_of_the_best_against_the_lowest(make_case: MakeCase) -> None:
    case = make_case(["by", "ax", "ay", "ax", "ay"])  # votes: a, then y
    found = pfpo(case)
    assert found.pairs == [(2, 0), (2, 1), (2, 3)]
    assert found.ranked.winner_weight == 1.0
    assert pseudo_test_scores(case[1].keys) == [0.5, 0.5, 1.0, 0.5, 1.0]


def test_votes_and_consensus_can_disagree(make_case: MakeCase) -> None:
    """Votes are all or nothing per input: 3 against 2 counts as 5 against 0 does; consensus weighs by share."""
    case = make_case(["aaq", "aar", "aas", "bbz", "bbz", "bbz", "abz"])
    # majority a or b: a has 4 of 7 on input 1, b has 4 of 7 on input 2, z has 4 of 7 on input 3
    assert by_consensus(case).ranked.winner == pfpo(case).ranked.winner == 6
    case = make_case(["axx", "axx", "byy", "byz", "byw"])
    # pseudo tests b, y and x (2 votes, the lowest index): 2/3 for the last three, 1/3 for the first two
    assert pfpo(case).ranked.winner == by_consensus(case).ranked.winner == 2


def test_no_pair_by_pseudo_tests_where_all_pass_or_all_crash(make_case: MakeCase) -> None:
    assert pfpo(make_case(["ab", "ab"])).pairs == []
    assert pfpo(make_case(["..", ".."])).pairs == []


def test_crashed_losers_fill_up_only_where_asked(make_case: MakeCase) -> None:
    case = make_case(["ab", ".."])
    assert pfpo(case).pairs == [(0, 1)]
    assert pfpo(case, WinnerAndLosers(3, crashed_fill=False)).pairs == []


def test_live_losers_of_no_pseudo_test_come_before_crashed_ones(make_case: MakeCase) -> None:
    assert pfpo(make_case([".", "a", "a", "b"])).pairs == [(1, 3)], "b passes nothing, as the crashed one does"
