"""Each selector on pools worked by hand; on a real pool: test_golden_pool.py."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.behaviour import Behaviour
from conself.agreement.consensus import consensus_of
from conself.rankings.selectors import SELECTORS, ConsensusUnder
from conself.records import Candidate, Pool, Problem


def chosen(
    name: str, rows: Sequence[str], nll: Sequence[float | None] = (), entry_point: str | None = "f"
) -> int | None:
    """One letter per output, N for None, E for empty text, a dot for CRASH."""
    values = {".": None, "N": "null", "E": '""'}
    problem = Problem("p", "", "", entry_point, ("(1,)",) * len(rows[0] if rows else ""), "", "")
    log_probs = [*nll, *[None] * (len(rows) - len(nll))]
    candidates = [Candidate("p", k, None, "", "", "stop", log_probs[k], None, None, 1) for k in range(len(rows))]
    keys = [[values.get(cell, cell) for cell in row] for row in rows]
    return SELECTORS[name](Pool(problem, candidates, []), consensus_of(keys))


def test_consensus_and_majority_differ_where_a_small_group_is_more_central() -> None:
    # abz is the largest cluster; votes are a 3, c 3, x 3: R(acx) = (3 + 3 + 3)/15, R(abz) = (3 + 2 + 2)/15
    rows = ["dcx", "abz", "abz", "acx", "ecx"]
    assert chosen("consensus", rows) == 3
    assert chosen("majority_cluster", rows) == 1


def test_pseudo_tests_count_majorities_only() -> None:
    # outputs that most give: a (3 of 5), b (2), c (2); who gives all three: nobody; abz and azc two, yyc one
    assert chosen("pseudo_tests", ["yyc", "abz", "azc", "abz", "wvu"]) == 1
    assert chosen("pseudo_tests", ["..", ".a", "b."]) == 1
    assert chosen("pseudo_tests", ["..", ".."]) is None


def test_likeliest_is_the_lowest_nll_and_needs_all_of_them() -> None:
    assert chosen("likeliest", ["a", "b", "c"], [0.5, 0.2, 0.2]) == 1
    assert chosen("likeliest", ["a", "b"], [0.5, None]) is None
    assert chosen("likeliest", ["a", "b"], [None, 0.5]) is None


def test_first_is_one_sample() -> None:
    assert chosen("first", [".", "a", "a"]) == 0


def test_rules_of_behaviour_take_votes_away() -> None:
    rows = ["NNNNN", "NNNNN", "NNNNN", "aaaaa", "aaaaa", "abcde"]
    assert [chosen(name, rows) for name in ("consensus", "consensus_silent", "consensus_constant")] == [0, 3, 5]
    assert chosen("consensus_constant", ["aaaa", "aaaa", "abcd"]) == 0  # fewer than five inputs
    assert chosen("consensus_silent", ["N", "N"]) is None
    assert chosen("consensus_silent", ["E", "E", "a"], entry_point=None) == 2
    assert ConsensusUnder(Behaviour(False, 2)) != SELECTORS["consensus_constant"]


def test_kappa_takes_votes_away_without_a_rule() -> None:
    assert chosen("kappa_consensus", ["NNN", "NNN", "NNN", "abc", "abc"]) == 3
    # a crash anywhere: wrong, however popular
    assert chosen("kappa_consensus", ["ab.", "ab.", "ab.", "bcd", "bcd"]) == 3


def test_where_nobody_agrees_beyond_chance_kappa_follows_the_consensus() -> None:
    assert chosen("kappa_consensus", ["b", "a", "a"]) == 1  # one input
    assert chosen("kappa_consensus", ["aa", "NN", "NN"]) == 1
    assert chosen("kappa_consensus", ["..", ".."]) is None


@pytest.mark.parametrize("name", SELECTORS)
def test_without_candidates_nobody_is_chosen(name: str) -> None:
    assert chosen(name, []) is None


_ROWS = st.integers(1, 4).flatmap(lambda m: st.lists(st.text("abN.", min_size=m, max_size=m), min_size=1, max_size=7))


@pytest.mark.parametrize("name", sorted(SELECTORS.keys() - {"first", "likeliest"}))
@given(data=st.data())
def test_the_order_of_inputs_changes_nothing_and_crashed_ones_are_never_chosen(name: str, data: st.DataObject) -> None:
    rows = data.draw(_ROWS)
    columns = data.draw(st.permutations(range(len(rows[0]))))
    index = chosen(name, rows)
    assert chosen(name, ["".join(row[j] for j in columns) for row in rows]) == index
    if index is not None:
        assert set(rows[index]) != {"."}
    elif name in ("consensus", "majority_cluster", "pseudo_tests", "kappa_consensus"):
        assert all(set(row) == {"."} for row in rows)
