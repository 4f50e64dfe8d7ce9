"""What a training may know of what is right: a prior, by verdicts on a few problems; and the ceiling's rewards."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.pools import agreement
from conself.calibration.dynamic_b4 import DynamicB4
from conself.calibration.oracle import OracleRanking, OracleReward
from conself.calibration.supervised import SupervisedReward
from conself.calibration.verdicts import Verdicts
from conself.online.testing import with_prior
from conself.oracles import Oracle
from conself.rankings.b4 import B4
from conself.rankings.b4_calibration import USUAL, Prior
from conself.records import Candidate, Outcome, Pool, Problem, Status, Trace, Undefined
from conself.rewards.all_passed import AllPassed
from conself.rewards.majority import Majority
from conself.rewards.selected import Selected

EQUALITY = Comparison(True, "by_value", "tolerance", 6, True)


@dataclass(frozen=True)
class Doubling:
    """Twelve problems, all but two of which it knows what is right of: twice the input."""

    size: int = 12

    def __call__(self) -> Iterator[Problem]:
        return (problem(k) for k in range(self.size))

    def oracles(self) -> Iterator[Oracle]:
        return (Oracle(f"p{k}", ("2", "4")) for k in range(self.size - 2))

    def statements(self) -> Iterator[str]:
        return iter(())

    def fingerprint(self) -> str:
        return "doubling"


def problem(k: int) -> Problem:
    return Problem(f"p{k}", "", "", "f", ("(1,)", "(2,)"), "", "")


def pool(k: int, values: Sequence[Sequence[str] | None]) -> Pool:
    """Programs that give these values for 1 and 2; None: they crash."""
    drawn = [Candidate(f"p{k}", i, None, "", "", "stop", None, None, None, 1) for i in range(len(values))]
    crash = Outcome(Status.EXCEPTION, "")
    rows = [(crash, crash) if row is None else tuple(Outcome(Status.OK, value) for value in row) for row in values]
    return Pool(problem(k), drawn, [Trace(f"p{k}", i, row) for i, row in enumerate(rows)])


MATRIX = PassingMatrix(tuple(tuple(cell == "1" for cell in row) for row in ("1100", "1100", "1011", "1010", "0000")))
"""B4 chooses row 2 under most priors, and rows 0 and 1 where wrong programs often pass wrong tests."""


def test_the_prior_is_the_one_that_chooses_right_programs() -> None:
    """Where row 2 is right, the usual prior is one of the best; where rows 0 and 1 are, only those with beta0 = 10.

    Of these (10, 10^3) is the nearest to (10^4, 10^3): B4 gives rows 0 and 1 -59.439 there, and row 2 -60.963.
    """
    part = DynamicB4(Doubling(), EQUALITY, 1)
    third = pool(0, [("2", "5"), ("2", "5"), ("2", "4"), ("0", "0"), None])
    prior, share = part([third], {"p0": MATRIX}, Prior(1, 0), 1)
    assert (prior, share) == (USUAL, 1)
    first = pool(0, [("2", "4"), ("2", "4"), ("2", "5"), ("0", "0"), None])
    prior, share = part([first], {"p0": MATRIX}, USUAL, 1)
    assert (prior, share) == (Prior(1, 3), 1)


def test_without_any_test_the_prior_stays() -> None:
    assert DynamicB4(Doubling(), EQUALITY, 1)([pool(0, [("2", "4")])], {}, Prior(2, 1), 1) == (Prior(2, 1), 0)


def test_labelled_problems_follow_from_the_seed_and_are_known() -> None:
    problems = list(Doubling()())
    part = DynamicB4(Doubling(), EQUALITY, 3)
    chosen = part.labelled(problems, 0)
    assert len(chosen) == 3
    assert chosen == part.labelled(problems[::-1], 0)
    assert {tuple(p.id for p in part.labelled(problems, seed)) for seed in range(4)} != {tuple(p.id for p in chosen)}
    assert not {"p10", "p11"} & {p.id for p in DynamicB4(Doubling(), EQUALITY, 10).labelled(problems, 0)}
    with pytest.raises(ValueError, match=r"problems=11, and of 12 problems the data set knows of 10 what is right"):
        DynamicB4(Doubling(), EQUALITY, 11).labelled(problems, 0)
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        DynamicB4(Doubling(), EQUALITY, 0)


def test_the_ceiling_rewards_and_chooses_what_is_right() -> None:
    """Of four programs the first and the last double; test 1 is passed by the first alone of them."""
    given = pool(0, [("2", "4"), ("2", "5"), None, ("2", "4")])
    agreed = agreement(given, EQUALITY, Behaviour(False, None))
    passing = PassingMatrix(((True, True), (False, True), (None, None), (True, False)))
    assert OracleReward(Doubling(), EQUALITY)(given, agreed, None, 0.0) == [1, 0, 0, 1]
    ranked = OracleRanking(Doubling(), EQUALITY)(given, agreed, passing)
    assert (ranked.solutions, ranked.tests, ranked.order) == ((0, 3), (0, 1), ((0, 3), (1, 2)))
    assert OracleRanking(Doubling(), EQUALITY)(given, agreed, None).tests == ()


def test_the_ceiling_says_nothing_where_nobody_is_right_or_nobody_knows() -> None:
    wrong, unknown = pool(0, [("0", "0")]), pool(11, [("2", "4")])
    agreed = agreement(wrong, EQUALITY, Behaviour(False, None))
    assert OracleReward(Doubling(), EQUALITY)(wrong, agreed, None, 0.0) == [0]
    assert OracleRanking(Doubling(), EQUALITY)(wrong, agreed, None).reason == "no candidate is right"
    assert OracleReward(Doubling(), EQUALITY)(unknown, agreed, None, 0.0) == Undefined("not known what is right")
    assert not OracleRanking(Doubling(), EQUALITY)(unknown, agreed, None).applies


def supervised(seed: int = 0, count: int = 3) -> SupervisedReward:
    return SupervisedReward(Majority(), Verdicts(Doubling(), EQUALITY), count, seed)


def test_a_supervised_reward_judges_the_labelled_problems_and_no_other() -> None:
    """Of the ten problems that have an oracle three are labelled; the rest are rewarded by majority: 2 of 3 agree."""
    given = [pool(k, [("0", "0"), ("0", "0"), ("2", "4")]) for k in range(12)]
    part = supervised().among([each.problem for each in given])
    rewards = [part(each, agreement(each, EQUALITY, Behaviour(False, None)), None, 0.0) for each in given]
    labelled = {each.problem.id for each, reward in zip(given, rewards, strict=True) if reward == [0, 0, 1]}
    assert labelled == part.labelled
    assert len(labelled) == 3
    assert not labelled & {"p10", "p11"}, "nobody knows what is right there"
    assert [reward for reward in rewards if reward != [0, 0, 1]] == [[1, 1, 0]] * 9


def test_the_labelled_problems_are_trained_on_and_follow_from_the_seed() -> None:
    trained = [problem(k) for k in (11, 7, 5, 3, 1)]
    chosen = [supervised(seed).among(trained).labelled for seed in (0, 0, 1, 2, 3)]
    assert chosen[0] == chosen[1] == supervised(0).among(trained[::-1]).labelled
    assert len(set(chosen)) > 1
    assert all(len(each) == 3 and each <= {"p7", "p5", "p3", "p1"} for each in chosen)


def test_a_supervised_reward_asks_for_tests_if_the_other_does() -> None:
    assert not supervised().needs_tests
    assert replace(supervised(), reward=AllPassed()).needs_tests


def test_a_supervised_reward_needs_as_many_oracles() -> None:
    with pytest.raises(ValueError, match=r"problems=3, and of the 3 problems that are trained on .* knows of 2 "):
        supervised().among([problem(k) for k in (1, 2, 11)])
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        supervised(count=0)


def test_another_prior_keeps_what_the_verdicts_have_read() -> None:
    """Dynamic B4 changes the reward before each step."""
    part = replace(supervised(), reward=Selected(B4(4, 3)))
    changed = with_prior(part, Prior(1, 0))
    assert changed.reward == Selected(B4(1, 0))
    assert changed.verdicts is part.verdicts


def test_what_it_hands_out_has_no_expected_output() -> None:
    """All that a calibration gives is two numbers and a share."""
    prior, share = DynamicB4(Doubling(), EQUALITY, 1)([pool(0, [("2", "4")] * 5)], {"p0": MATRIX}, USUAL, 1)
    assert json.dumps([prior.log10_beta0, prior.log10_alpha, share]) == "[4, 3, 1.0]"
