"""Rewards of testers by hand: five programs on four tests, of which candidate 2 is held right."""

import hashlib
from collections import Counter

import pytest

from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.generated_tests.generated_test import GeneratedTest
from conself.generated_tests.passing import columns
from conself.records import Outcome, Status
from conself.tester_rewards.cure import Cure
from conself.tester_rewards.evidence import kills_of_columns, proxy_of, replies_of
from conself.tester_rewards.tester_reward import Evidence
from conself.tester_rewards.zerocoder import ZeroCoder, cosine

CELLS = {"1": True, "0": False, "x": None}
BY_VALUE = Comparison(True, "by_value", "tolerance", 6, True)
ONE_EACH = ((0,), (1,), (2,), (3,))


def matrix(*rows: str) -> PassingMatrix:
    return PassingMatrix(tuple(tuple(CELLS[cell] for cell in row) for row in rows))


WORKED = matrix("1100", "1100", "1011", "1010", "0000")
KILLS = tuple(tuple(cell == "1" for cell in row) for row in ("1000", "1010", "0001", "1110"))
"""Of four mutants test 0 kills three, test 2 two, tests 1 and 3 one each."""


def evidence(
    replies: tuple[tuple[int, ...], ...] = ONE_EACH,
    passing: PassingMatrix = WORKED,
    right: tuple[int, ...] = (2,),
    kills: tuple[tuple[bool, ...], ...] = KILLS,
) -> Evidence:
    return Evidence(replies, passing, right, right[0], kills)


def zerocoder(gate: bool = True, combine: str = "convex") -> ZeroCoder:
    return ZeroCoder(low=0.0, high=0.5, gate=gate, combine=combine, unparsable=-1.0)


@pytest.mark.parametrize(
    ("progress", "weight"), [(0, 0.0), (0.25, 0.0732), (0.5, 0.25), (0.75, 0.4268), (1, 0.5), (1 / 3, 0.125)]
)
def test_the_weight_rises_along_a_cosine(progress: float, weight: float) -> None:
    assert cosine(0.0, 0.5, progress) == pytest.approx(weight, abs=5e-5)
    assert cosine(0.2, 0.7, progress) == pytest.approx(0.2 + weight, abs=5e-5)
    assert cosine(0.3, 0.3, progress) == 0.3


def test_agreement_alone_at_the_start() -> None:
    """The proxy, candidate 2, passes all but test 1."""
    assert list(zerocoder()(evidence(), 0.0)) == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("gate", "combine", "rewards"),
    [
        (True, "convex", [3 / 4 + 3 / 16, 0, 3 / 4 + 2 / 16, 3 / 4 + 1 / 16]),
        (False, "convex", [3 / 4 + 3 / 16, 1 / 16, 3 / 4 + 2 / 16, 3 / 4 + 1 / 16]),
        (True, "add", [1 + 3 / 16, 0, 1 + 2 / 16, 1 + 1 / 16]),
        (False, "add", [1 + 3 / 16, 1 / 16, 1 + 2 / 16, 1 + 1 / 16]),
    ],
)
def test_half_way_a_quarter_is_for_kills(gate: bool, combine: str, rewards: list[float]) -> None:
    assert zerocoder(gate, combine)(evidence(), 0.5) == pytest.approx(rewards)


def test_replies_of_several_tests_and_of_none() -> None:
    replies = (0, 1), (), (1,), (0, 2, 3)
    expected = [15 / 32, -1, 0, (15 + 14 + 13) / 48]
    assert zerocoder()(evidence(replies), 0.5) == pytest.approx(expected)


def test_a_tester_that_never_answers_in_the_form_asked_for() -> None:
    nothing = evidence(((), ()), matrix("", ""), (0, 1), ())
    assert list(zerocoder()(nothing, 0.5)) == [-1, -1]
    assert list(Cure(-0.5)(nothing, 0.5)) == [-0.5, -0.5]


def test_without_mutants_nothing_is_killed() -> None:
    assert zerocoder()(evidence(kills=()), 0.5) == pytest.approx([3 / 4, 0, 3 / 4, 3 / 4])


def test_what_crashes_does_not_agree() -> None:
    crashes = evidence(((0,), (1,)), matrix("1x"), (0,), ((True, True),))
    assert zerocoder()(crashes, 1.0) == pytest.approx([1, 0])


def test_cure_by_hand() -> None:
    """Candidates 0, 1, 3 and 4 are wrong. Test 0: 4 fails. Test 1: 2 fails, 0 and 1 pass. Test 2: 0, 1, 4 fail."""
    assert Cure(-1.0)(evidence(), 0.5) == pytest.approx([1 / 4, -2 / 4, 3 / 4, 1])
    assert Cure(-1.0)(evidence(((2, 3), (), (0, 1))), 0.5) == pytest.approx([7 / 8, -1, -1 / 8])


def test_cure_with_several_right_programs() -> None:
    """Candidates 0 and 1 are right, 2 and 3 wrong, 4 dead: it is not counted."""
    passing = matrix("110", "100", "101", "010", "xxx")
    assert Cure(-1.0)(evidence(((0,), (1,), (2,)), passing, (0, 1), ()), 0.0) == pytest.approx([1 / 2, -1 / 2, -1 / 2])
    all_right = evidence(((0,), (1,)), matrix("11", "10"), (0, 1), ())
    assert list(Cure(-1.0)(all_right, 0.0)) == [0, 0]


def test_settings_and_evidence_that_mean_nothing() -> None:
    with pytest.raises(ValueError, match=r"tester_reward\.high must lie in \[0, 1\], got 2"):
        ZeroCoder(0.0, 2.0, True, "convex", -1.0)
    with pytest.raises(ValueError, match=r"tester_reward\.combine must be convex or add, got 'mean'"):
        ZeroCoder(0.0, 0.5, True, "mean", -1.0)
    with pytest.raises(ValueError, match=r"the proxy must be one of the candidates held right, \(1, 2\); got 0"):
        Evidence(ONE_EACH, WORKED, (1, 2), 0, ())
    with pytest.raises(ValueError, match="kills of 4 tests need as many cells a mutant, got 1"):
        evidence(kills=((True,),))


def test_the_proxy_is_drawn_by_a_hash() -> None:
    digest = hashlib.sha256(b'[7, "proxy", 3, "p"]').hexdigest()
    assert proxy_of((4, 5, 9), 7, 3, "p") == (4, 5, 9)[int(digest, 16) % 3]
    drawn = Counter(proxy_of((4, 5, 9), 0, step, "p") for step in range(600))
    assert set(drawn) == {4, 5, 9}
    assert min(drawn.values()) > 150
    with pytest.raises(ValueError, match="problem p: no candidate is held right"):
        proxy_of((), 0, 0, "p")


def case(reply: int, index: int, given: str, expected: str | None) -> GeneratedTest:
    return GeneratedTest("p", reply, index, given, expected)


TESTS = [case(0, 0, "(1,)", "2"), case(0, 1, "(2,)", "4"), case(2, 0, "(2, )", "4"), case(2, 1, "(1,)", "3")]
TESTS.append(case(3, 0, "(1,)", None))


def test_replies_and_their_columns() -> None:
    """Reply 1 could not be read, reply 3 claims nothing; (2,) -> 4 stands in two replies."""
    assert replies_of(TESTS, "reply", 4, False) == [(0,), (), (1,), ()]
    assert replies_of(TESTS, "case", 4, False) == [(0, 1), (), (1, 2), ()]


def outcomes(text: str) -> list[Outcome]:
    statuses = {"E": Status.EXCEPTION, "T": Status.TIMEOUT}
    return [Outcome(statuses[w], "") if w in statuses else Outcome(Status.OK, w) for w in text.split()]


def test_kills_of_columns_by_hand() -> None:
    """Inputs (1,), (2,), (3,): the last is of no test. The first mutant is equivalent and leaves."""
    original, inputs = outcomes("2 4 6"), ["(1,)", "(2,)", "(3,)"]
    mutants = [outcomes("2 4 6"), outcomes("2 5 6"), outcomes("2 4 7"), outcomes("T T T")]
    by_case = kills_of_columns(original, mutants, columns(TESTS, "case", False), inputs, BY_VALUE, False)
    assert by_case == ((False, True, False), (False, False, False), (True, True, True))
    by_reply = kills_of_columns(original, mutants, columns(TESTS, "reply", False), inputs, BY_VALUE, False)
    assert by_reply == ((True, True), (False, False), (True, True))
    with pytest.raises(ValueError, match="mutants did not run on 1 inputs of tests"):
        kills_of_columns(original[:1], [], columns(TESTS, "case", False), inputs[:1], BY_VALUE, False)
