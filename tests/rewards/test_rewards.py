"""Rewards by hand: four programs on two inputs."""

from fractions import Fraction

import pytest

from conself.agreement.traces import agreement_of
from conself.records import Candidate, Pool, Problem
from conself.rewards.consensus import Consensus
from conself.rewards.majority import Majority

PROBLEM = Problem("p", "", "", "f", ("(1,)", "(2,)"), "", "")


def pool(size: int) -> Pool:
    drawn = [Candidate("p", k, None, "", None, "stop", None, None, None, 1) for k in range(size)]
    return Pool(PROBLEM, drawn, [])


def test_consensus_is_the_mean_share_of_those_that_give_the_same_output() -> None:
    """Input 1: two of three say 2, one says 3; input 2: all three say 4. The last crashes on both."""
    agreed = agreement_of([["2", "4"], ["2", "4"], ["3", "4"], [None, None]])
    found = Consensus()(pool(4), agreed, 0.0)
    assert list(found) == pytest.approx([float(value) for value in (Fraction(5, 6), Fraction(5, 6), Fraction(2, 3), 0)])


def test_the_majority_takes_all() -> None:
    agreed = agreement_of([["3", "4"], ["2", "4"], ["2", "4"], [None, None]])
    assert Majority()(pool(4), agreed, 0.0) == [0, 1, 1, 0]


def test_of_two_largest_clusters_the_first_counts() -> None:
    assert Majority()(pool(4), agreement_of([["1"], ["2"], ["2"], ["1"]]), 0.0) == [1, 0, 0, 1]


def test_where_every_program_crashes_nobody_gets_anything() -> None:
    agreed = agreement_of([[None, None], [None, None]])
    assert Majority()(pool(2), agreed, 0.0) == Consensus()(pool(2), agreed, 0.0) == [0, 0]
