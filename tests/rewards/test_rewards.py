"""Rewards by hand: four programs on two inputs, five programs on four generated tests."""

from fractions import Fraction

import pytest

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import agreement_of
from conself.rankings.b4 import B4
from conself.rankings.codet import CodeT
from conself.rankings.max_pass import MaxPass
from conself.rankings.ranked import Ranking
from conself.records import Candidate, Pool, Problem, Undefined
from conself.rewards.abstaining import Abstaining
from conself.rewards.all_passed import AllPassed
from conself.rewards.consensus import ConsensusReward
from conself.rewards.majority import Majority
from conself.rewards.passed_times_consensus import PassedTimesConsensus
from conself.rewards.reward import Reward
from conself.rewards.selected import Selected
from conself.rewards.tests_times_consensus import TestsTimesConsensus

PROBLEM = Problem("p", "", "", "f", ("(1,)", "(2,)"), "", "")


def pool(size: int) -> Pool:
    drawn = [Candidate("p", k, None, "", None, "stop", None, None, None, 1) for k in range(size)]
    return Pool(PROBLEM, drawn, [])


def test_consensus_is_the_mean_share_of_those_that_give_the_same_output() -> None:
    """Input 1: two of three say 2, one says 3; input 2: all three say 4. The last crashes on both."""
    agreed = agreement_of([["2", "4"], ["2", "4"], ["3", "4"], [None, None]])
    found = ConsensusReward()(pool(4), agreed, None, 0.0)
    assert list(found) == pytest.approx([float(value) for value in (Fraction(5, 6), Fraction(5, 6), Fraction(2, 3), 0)])


def test_the_majority_takes_all() -> None:
    agreed = agreement_of([["3", "4"], ["2", "4"], ["2", "4"], [None, None]])
    assert Majority()(pool(4), agreed, None, 0.0) == [0, 1, 1, 0]


def test_of_two_largest_clusters_the_first_counts() -> None:
    assert Majority()(pool(4), agreement_of([["1"], ["2"], ["2"], ["1"]]), None, 0.0) == [1, 0, 0, 1]


def test_where_every_program_crashes_nobody_gets_anything() -> None:
    agreed = agreement_of([[None, None], [None, None]])
    assert Majority()(pool(2), agreed, None, 0.0) == ConsensusReward()(pool(2), agreed, None, 0.0) == [0, 0]


CELLS = {"1": True, "0": False, "x": None}


def matrix(*rows: str) -> PassingMatrix:
    """One row of 0, 1 and x (crashed) per candidate."""
    return PassingMatrix(tuple(tuple(CELLS[cell] for cell in row) for row in rows))


WORKED = matrix("1100", "1100", "1011", "1010", "0000")
OUTPUTS = agreement_of([["2", "4"], ["2", "5"], ["2", "4"], ["3", "4"], [None, None]])
R = [(3 / 4 + 3 / 4) / 2, (3 / 4 + 1 / 4) / 2, (3 / 4 + 3 / 4) / 2, (1 / 4 + 3 / 4) / 2, 0]
"""Of the four that do not crash three give 2 and one 3; three give 4 and one 5."""


def rewarded(reward: Reward, passing: PassingMatrix | None = WORKED) -> list[float] | str:
    """The rewards of five programs, or why there are none."""
    given = reward(pool(5), OUTPUTS, passing, 0.5)
    return given.reason if isinstance(given, Undefined) else list(given)


@pytest.mark.parametrize(
    ("ranking", "right"),
    [
        (MaxPass(), [0, 0, 1, 0, 0]),
        (CodeT(0.5), [0, 0, 1, 0, 0]),
        (CodeT(1), [1, 1, 0, 0, 0]),
        (B4(4, 3), [0, 0, 1, 0, 0]),
        (B4(1, 1), [1, 1, 0, 0, 0]),
    ],
)
def test_selected_is_1_for_whom_the_ranking_holds_right(ranking: Ranking, right: list[float]) -> None:
    assert rewarded(Selected(ranking)) == right


def test_tests_and_consensus_by_hand() -> None:
    """k q = 4, 4, 3, 2, 0 of N M = 20; q = 2, 2, 3, 2, 0 of M = 4."""
    assert rewarded(ConsensusReward()) == pytest.approx(R)
    assert rewarded(TestsTimesConsensus()) == pytest.approx(
        [kq / 20 * r for kq, r in zip((4, 4, 3, 2, 0), R, strict=True)]
    )
    assert rewarded(PassedTimesConsensus()) == pytest.approx(
        [q / 4 * r for q, r in zip((2, 2, 3, 2, 0), R, strict=True)]
    )


def test_who_runs_on_no_test_gets_nothing_and_does_not_count() -> None:
    """N = 4: candidate 3 is dead; k q = 4, 4, 3, -, 0 of 16."""
    dead = matrix("1100", "1100", "1011", "xxxx", "0000")
    assert rewarded(TestsTimesConsensus(), dead) == pytest.approx([1 / 4 * R[0], 1 / 4 * R[1], 3 / 16 * R[2], 0, 0])
    assert rewarded(Selected(CodeT(0.5)), dead) == [0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("ranking", "least_share", "is_rewarded"),
    [
        (CodeT(1), 0.4, True),  # k/N = 2/5, q/M = 2/4
        (CodeT(1), 0.41, False),
        (CodeT(0.5), 0.2, True),  # 1/5 and 3/4
        (CodeT(0.5), 0.25, False),
        (CodeT(0.5), 0.0, True),
    ],
)
def test_abstaining_where_few_are_held_right(ranking: Ranking, least_share: float, is_rewarded: bool) -> None:
    found = rewarded(Abstaining(PassedTimesConsensus(), ranking, least_share))
    assert found == (rewarded(PassedTimesConsensus()) if is_rewarded else "too few candidates or tests are held right")


def test_abstaining_where_few_tests_are_held_right() -> None:
    """All five pass one test of four: q/M = 1/4."""
    one = matrix(*["1000"] * 5)
    assert rewarded(Abstaining(Selected(MaxPass()), MaxPass(), 0.25), one) == [1] * 5
    assert (
        rewarded(Abstaining(Selected(MaxPass()), MaxPass(), 0.26), one) == "too few candidates or tests are held right"
    )
    with pytest.raises(ValueError, match=r"reward\.least_share must lie in \[0, 1\], got 25"):
        Abstaining(Selected(MaxPass()), MaxPass(), 25)


BY_TESTS: list[Reward] = [Selected(B4(4, 3)), Abstaining(Majority(), CodeT(1), 0.0)]


@pytest.mark.parametrize("reward", [*BY_TESTS, TestsTimesConsensus(), PassedTimesConsensus()])
def test_without_tests_there_is_no_reward(reward: Reward) -> None:
    assert reward.needs_tests
    assert rewarded(reward, None) == rewarded(reward, matrix(*[""] * 5)) == "no generated tests"


def test_where_nobody_passes_anything_nobody_is_better() -> None:
    nothing = matrix("00", "00", "x0", "xx", "00")
    for reward in BY_TESTS:
        assert rewarded(reward, nothing) == "no candidate passes a generated test"
    for reward in (TestsTimesConsensus(), PassedTimesConsensus()):
        assert rewarded(reward, nothing) == [0] * 5


def test_all_tests_or_nothing() -> None:
    """Program 0 passes both tests, 1 one of them, 2 crashes; without tests there is nothing to say."""
    agreed = agreement_of([["2"], ["2"], [None]])
    assert AllPassed()(pool(3), agreed, matrix("11", "10", "xx"), 0.0) == [1, 0, 0]
    for nothing in (None, matrix("", "", "")):
        assert AllPassed()(pool(3), agreed, nothing, 0.0) == Undefined("no generated tests")
