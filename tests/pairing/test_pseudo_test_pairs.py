"""PFPO's pairs, by hand."""

from collections.abc import Callable

import pytest

from conself.agreement.consensus import Consensus, pseudo_test_scores
from conself.pairing.consensus_pairs import ConsensusPairs
from conself.pairing.pseudo_test_pairs import PseudoTestPairs
from conself.records import Pool

PFPO = PseudoTestPairs(max_losers=3, crashed_fill=True)
Cases = Callable[..., tuple[Pool, Consensus]]


def test_scores_are_shares_of_majority_outputs() -> None:
    # majorities: a (3 of 4 votes), then x against y at two each, where the lower index has x
    keys = [["a", "x"], ["a", "y"], ["a", "x"], ["b", "y"], [None, None]]
    assert pseudo_test_scores(keys) == [1.0, 0.5, 1.0, 0.0, 0.0]


def test_an_input_on_which_all_crash_is_no_test() -> None:
    assert pseudo_test_scores([["a", None], ["a", None], ["b", None]]) == [1.0, 1.0, 0.0]
    assert pseudo_test_scores([[None], [None]]) == [0.0, 0.0]
    assert pseudo_test_scores([[], []]) == [0.0, 0.0]


def test_the_first_of_the_best_against_the_lowest(make_case: Cases) -> None:
    pool, consensus = make_case(["by", "ax", "ay", "ax", "ay"])  # votes: a, then y
    pairs = PFPO(pool, consensus, "prompt")
    assert [(p.chosen_index, p.rejected_index) for p in pairs] == [(2, 0), (2, 1), (2, 3)]
    assert [(p.chosen_consensus, p.rejected_consensus) for p in pairs] == [(1.0, 0.5)] * 3
    assert {p.prompt for p in pairs} == {"prompt"}


def test_votes_and_consensus_can_disagree(make_case: Cases) -> None:
    """Votes are all or nothing per input: 3 against 2 counts as 5 against 0 does; consensus weighs by share."""
    pool, consensus = make_case(["aaq", "aar", "aas", "bbz", "bbz", "bbz", "abz"])
    # majority a or b: a has 4 of 7 on input 1, b has 4 of 7 on input 2, z has 4 of 7 on input 3
    assert consensus.winner == 6
    assert PFPO(pool, consensus, "")[0].chosen_index == 6
    pool, consensus = make_case(["axx", "axx", "byy", "byz", "byw"])
    # pseudo tests b, y and x (2 votes, the lowest index): 2/3 for the last three, 1/3 for the first two
    assert [p.chosen_index for p in PFPO(pool, consensus, "")][:1] == [2]
    assert ConsensusPairs(3, True)(pool, consensus, "")[0].chosen_index == 2


def test_no_pair_where_all_pass_or_all_crash(make_case: Cases) -> None:
    assert PFPO(*make_case(["ab", "ab"]), "") == []
    assert PFPO(*make_case(["..", ".."]), "") == []


def test_crashed_losers_fill_up_only_where_asked(make_case: Cases) -> None:
    case = make_case(["ab", ".."])
    assert [p.rejected_index for p in PFPO(*case, "")] == [1]
    assert PseudoTestPairs(3, crashed_fill=False)(*case, "") == []


def test_max_losers_must_leave_one() -> None:
    with pytest.raises(ValueError, match="max_losers must be at least 1, got 0"):
        PseudoTestPairs(0, True)
