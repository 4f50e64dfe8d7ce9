"""Each ranking on pools worked by hand, and what holds of all; on a real pool: test_golden_pool.py."""

from collections.abc import Sequence
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.behaviour import Behaviour
from conself.agreement.traces import agreement_of
from conself.rankings.consensus import Consensus
from conself.rankings.first import First
from conself.rankings.kappa import Kappa
from conself.rankings.largest_cluster import LargestCluster
from conself.rankings.likeliest import Likeliest
from conself.rankings.pseudo_tests import PseudoTests, pseudo_test_scores
from conself.rankings.ranked import Ranked, Ranking, by_score, mean_weight, nobody
from conself.rankings.ranked import chosen as chosen_by
from conself.rankings.reliable_cluster import ReliableCluster
from conself.records import Candidate, Pool, Problem

RANKINGS: dict[str, Ranking] = {
    "consensus": Consensus(Behaviour(False, None)),
    "largest_cluster": LargestCluster(),
    "pseudo_tests": PseudoTests(),
    "likeliest": Likeliest(),
    "first": First(),
    "kappa": Kappa(),
    "consensus_silent": Consensus(Behaviour(True, None)),
    "consensus_constant": Consensus(Behaviour(True, 5)),
    "reliable_cluster": ReliableCluster(0.8, 2, True, "outputs"),
}


def ranked(name: str, rows: Sequence[str], nll: Sequence[float | None] = (), entry_point: str | None = "f") -> Ranked:
    """One letter per output, N for None, E for empty text, a dot for CRASH."""
    values = {".": None, "N": "null", "E": '""'}
    problem = Problem("p", "", "", entry_point, ("(1,)",) * len(rows[0] if rows else ""), "", "")
    log_probs = [*nll, *[None] * (len(rows) - len(nll))]
    candidates = [Candidate("p", k, None, "", "", "stop", log_probs[k], None, None, 1) for k in range(len(rows))]
    keys = [[values.get(cell, cell) for cell in row] for row in rows]
    return RANKINGS[name](Pool(problem, candidates, []), agreement_of(keys), None)


def chosen(
    name: str, rows: Sequence[str], nll: Sequence[float | None] = (), entry_point: str | None = "f"
) -> int | None:
    """The winner."""
    return ranked(name, rows, nll, entry_point).winner


def test_scores_within_a_tie_are_one_group_by_index() -> None:
    assert by_score([0.2, 0.7, 0.7 + 1e-13, 0.1], range(4)) == ((1, 2), (0,), (3,))
    assert by_score([0.2, 0.7, 0.7 + 1e-11], range(3)) == ((2,), (1,), (0,))
    assert by_score([0.2, 0.7, 0.7], [0, 2]) == ((2,), (0,))


def test_the_weight_is_what_speaks_for_the_winner() -> None:
    rows = ["dcx", "abz", "abz", "acx", "ecx"]  # scores as below
    assert ranked("consensus", rows).winner_weight == pytest.approx(9 / 15)
    assert ranked("largest_cluster", rows).winner_weight == 2 / 5
    assert ranked("pseudo_tests", rows).winner_weight == 1.0  # a, c and x: all of acx
    assert ranked("likeliest", ["a", "b"], [0.5, 0.2]).winner_weight == exp(-0.2)
    assert ranked("first", rows).winner_weight is None
    # two of three agree on two inputs, where chance is 1/2 each: kappa = (1 - .5) / (1 - .5) = 1, and 0 with a crash
    assert ranked("kappa", ["ab", "ab", ".."]).winner_weight == pytest.approx((1 + 0) / 2)
    assert ranked("kappa", ["b", "a", "a"]).winner_weight == 0.0


def test_ties_are_told_apart_from_what_is_held_right() -> None:
    rows = ["a", "b", "b", "a", "c", "."]
    found = ranked("largest_cluster", rows)
    assert (found.order, found.left_out) == (((0, 1, 2, 3), (4,)), (5,))
    assert found.solutions == (0, 3), "the cluster of the lowest index"
    assert found.losers == (4, 5)


def test_pseudo_tests_are_held_right_where_a_chosen_candidate_passes_them() -> None:
    # majorities a, b, c; who passes most: abz (a, b) and azc (a, c); together they pass all three
    found = ranked("pseudo_tests", ["yyc", "abz", "azc", "abw", "wvc"])
    assert (found.solutions, found.tests) == ((1, 2, 3), (0, 1, 2))
    assert ranked("pseudo_tests", ["a.", "b."]).tests == (0,), "nobody runs on the second"
    # a (3 of 4 votes), then x against y at two each, where the lower index has x
    assert pseudo_test_scores([["a", "x"], ["a", "y"], ["a", "x"], ["b", "y"], [None, None]]) == [1.0, 0.5, 1.0, 0.0, 0]
    assert pseudo_test_scores([["a", None], ["a", None], ["b", None]]) == [1.0, 1.0, 0.0]
    assert pseudo_test_scores([[None], [None]]) == [0.0, 0.0]
    assert pseudo_test_scores([[], []]) == [0.0, 0.0]


def test_consensus_and_majority_differ_where_a_small_group_is_more_central() -> None:
    # abz is the largest cluster; votes are a 3, c 3, x 3: R(acx) = (3 + 3 + 3)/15, R(abz) = (3 + 2 + 2)/15
    rows = ["dcx", "abz", "abz", "acx", "ecx"]
    assert chosen("consensus", rows) == 3
    assert chosen("largest_cluster", rows) == 1


def test_pseudo_tests_count_majorities_only() -> None:
    # outputs that most give: a (3 of 5), b (2), c (2); who gives all three: nobody; abz and azc two, yyc one
    assert chosen("pseudo_tests", ["yyc", "abz", "azc", "abz", "wvu"]) == 1
    assert chosen("pseudo_tests", ["..", ".a", "b."]) == 1
    assert chosen("pseudo_tests", ["..", ".."]) is None


def test_likeliest_is_the_lowest_nll_and_needs_all_of_them() -> None:
    assert chosen("likeliest", ["a", "b", "c"], [0.5, 0.2, 0.2]) == 1
    assert chosen("likeliest", ["a", "b"], [0.5, None]) is None
    assert chosen("likeliest", ["a", "b"], [None, 0.5]) is None
    lacking = ranked("likeliest", ["a", "b"], [None, 0.5])
    assert (lacking.applies, lacking.reason) == (False, "candidates without log-probabilities")
    assert ranked("likeliest", [".", "."], [0.1, 0.2]).order == ((0,), (1,)), "whatever they do"


def test_first_is_one_sample() -> None:
    assert chosen("first", [".", "a", "a"]) == 0


def test_rules_of_behaviour_take_votes_away() -> None:
    rows = ["NNNNN", "NNNNN", "NNNNN", "aaaaa", "aaaaa", "abcde"]
    assert [chosen(name, rows) for name in ("consensus", "consensus_silent", "consensus_constant")] == [0, 3, 5]
    assert chosen("consensus_constant", ["aaaa", "aaaa", "abcd"]) == 0  # fewer than five inputs
    assert chosen("consensus_silent", ["N", "N"]) is None
    assert chosen("consensus_silent", ["E", "E", "a"], entry_point=None) == 2
    assert Consensus(Behaviour(False, 2)) != RANKINGS["consensus_constant"]


def test_kappa_takes_votes_away_without_a_rule() -> None:
    assert chosen("kappa", ["NNN", "NNN", "NNN", "abc", "abc"]) == 3
    # a crash anywhere: wrong, however popular
    assert chosen("kappa", ["ab.", "ab.", "ab.", "bcd", "bcd"]) == 3


def test_where_nobody_agrees_beyond_chance_kappa_follows_the_consensus() -> None:
    assert chosen("kappa", ["b", "a", "a"]) == 1  # one input
    assert chosen("kappa", ["aa", "NN", "NN"]) == 1
    assert chosen("kappa", ["..", ".."]) is None


@pytest.mark.parametrize("name", RANKINGS)
def test_without_candidates_nobody_is_chosen(name: str) -> None:
    found = ranked(name, [])
    assert (found.winner, found.reason, found.applies) == (None, "no candidates", True)


_ROWS = st.integers(1, 4).flatmap(lambda m: st.lists(st.text("abN.", min_size=m, max_size=m), min_size=1, max_size=7))


@pytest.mark.parametrize("name", sorted(RANKINGS.keys() - {"first", "likeliest"}))
@given(data=st.data())
def test_the_order_of_inputs_changes_nothing_and_crashed_ones_are_never_chosen(name: str, data: st.DataObject) -> None:
    rows = data.draw(_ROWS)
    columns = data.draw(st.permutations(range(len(rows[0]))))
    found = ranked(name, rows)
    other = ranked(name, ["".join(row[j] for j in columns) for row in rows])
    assert (other.order, other.solutions, other.winner_weight) == (found.order, found.solutions, found.winner_weight)
    assert all(set(rows[index]) != {"."} for index in found.solutions)
    if name in ("consensus", "largest_cluster", "pseudo_tests", "kappa"):
        assert (found.reason is not None) == all(set(row) == {"."} for row in rows)


@pytest.mark.parametrize("name", RANKINGS)
@given(rows=_ROWS, nll=st.lists(st.floats(0, 9), min_size=7, max_size=7))
def test_what_holds_of_every_ranking(name: str, rows: list[str], nll: list[float]) -> None:
    found = ranked(name, rows, nll[: len(rows)])
    groups = [index for group in found.order for index in group]
    assert sorted([*groups, *found.left_out]) == list(range(len(rows))), "each candidate once"
    assert (found.winner is None) == (found.reason is not None)
    assert not set(found.solutions) & set(found.left_out)
    if found.winner is None:
        assert (found.winner_weight, found.losers) == (None, ())
        return
    assert found.winner == found.order[0][0]
    assert set(found.losers) == set(range(len(rows))) - set(found.order[0])
    assert (found.winner_weight is not None) == RANKINGS[name].gives_weight
    assert found.winner_weight is None or 0 <= found.winner_weight <= 1


def test_the_mean_weight_counts_a_problem_without_a_winner() -> None:
    ranked = [chosen_by(((0,),), 2, (0,), (), 0.75), nobody(2, "all crashed")]
    assert mean_weight(ranked) == 0.375
