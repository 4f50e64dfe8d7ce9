"""Rankings by generated tests: arithmetic worked by hand, properties, and shares on a real pool."""

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import factorial, log
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import agreement_of
from conself.rankings.b4 import B4, b4_scores
from conself.rankings.by_tests import Choice, Scores, choose, classes
from conself.rankings.codet import CodeT, codet_scores
from conself.rankings.max_pass import MaxPass, max_pass_scores
from conself.rankings.mbr_exec import MBRExec, mbr_exec_scores
from conself.rankings.ranked import Ranked, Ranking
from conself.records import Candidate, Pool, Problem

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "pools" / "codegen16b"
CELLS = {"1": True, "0": False, "x": None}


def matrix(*rows: str) -> PassingMatrix:
    """One row of 0, 1 and x (crashed) per candidate."""
    return PassingMatrix(tuple(tuple(CELLS[cell] for cell in row) for row in rows))


WORKED = matrix("1100", "1100", "1011", "1010", "0000")  # classes {0,1}, {2}, {3}; the last passes nothing, but runs


RULES: list[Callable[[PassingMatrix], Scores]] = [
    max_pass_scores,
    mbr_exec_scores,
    lambda m: codet_scores(m, 0.5),
    lambda m: b4_scores(m, 4, 3),
]


def of_classes(scores: Scores) -> list[float | None]:
    """The scores of {0,1}, {2}, {3} and {4}, of which the first has one score."""
    assert scores[0] == scores[1]
    return list(scores[1:])


def test_max_pass_and_mbr_exec_by_hand() -> None:
    assert of_classes(max_pass_scores(WORKED)) == [2, 3, 2, 0]
    assert choose(WORKED, max_pass_scores(WORKED), 1, True) == Choice((2,), (0, 2, 3))
    assert of_classes(mbr_exec_scores(WORKED)) == [2, 1, 1, 1]
    assert choose(WORKED, mbr_exec_scores(WORKED), 1, True) == Choice((0, 1), (0, 1))


def test_codet_by_hand() -> None:
    assert of_classes(codet_scores(WORKED, 0.5)) == pytest.approx([2.8284, 3.0, 2.0, 0.0], abs=5e-5)  # 2^.5 * 2, 3, 2
    assert of_classes(codet_scores(WORKED, 1)) == [4, 3, 2, 0]
    assert choose(WORKED, codet_scores(WORKED, 0.5), 1, True) == Choice((2,), (0, 2, 3))
    assert choose(WORKED, codet_scores(WORKED, 1), 1, True) == Choice((0, 1), (0, 1))


@pytest.mark.parametrize(
    ("log10_beta0", "log10_alpha", "scores", "solutions"),
    [
        (4, 3, [-85.5977, -80.9065, -92.9127, -142.0595], (2,)),
        (5, 3, [-94.8064, -87.8134, -102.1207, -165.0750], (2,)),
        (3, 1, [-46.1121, -43.6294, -48.9235, -75.2182], (2,)),
        (1, 1, [-29.1478, -30.5861, -32.4708, -36.6162], (0, 1)),
    ],
)
def test_b4_by_hand(log10_beta0: float, log10_alpha: float, scores: list[float], solutions: tuple[int, ...]) -> None:
    given_scores = b4_scores(WORKED, log10_beta0, log10_alpha)
    assert of_classes(given_scores) == pytest.approx(scores, abs=5e-5)
    assert choose(WORKED, given_scores, 1, True).solutions == solutions


def test_classes_by_hand() -> None:
    first, second, third, last = classes(WORKED)
    assert (first.members, first.tests, first.others_on_passed, first.others_on_failed) == ((0, 1), (0, 1), 2, 3)
    # of test 0, 2 and 3: 0 and 1 pass test 0, 3 passes 0 and 2; test 1: 0 and 1
    assert (second.members, second.tests, second.others_on_passed, second.others_on_failed) == ((2,), (0, 2, 3), 4, 2)
    assert (third.members, third.tests, third.others_on_passed, third.others_on_failed) == ((3,), (0, 2), 4, 3)
    assert (last.members, last.tests, last.others_on_passed, last.others_on_failed) == ((4,), (), 0, 9)
    assert {(each.candidates, each.all_tests) for each in classes(WORKED)} == {(5, 4)}


def test_who_runs_on_no_test_counts_nowhere_and_a_crash_is_a_failure() -> None:
    with_dead = matrix("xxxx", "1100", "110x", "1011", "10x0", "xxxx", "0000")
    for scores in RULES:
        expected = scores(matrix("1100", "1100", "1011", "1000", "0000"))
        assert scores(with_dead) == (None, *expected[:4], None, expected[4])


def test_who_passes_nothing_can_be_the_largest_class() -> None:
    most_fail = matrix("00", "00", "0x", "11", "xx")
    scores = mbr_exec_scores(most_fail)
    assert scores == (3, 3, 3, 1, None)
    assert choose(most_fail, scores, 1, False) == Choice((3,), (0, 1))
    assert choose(most_fail, scores, 0, False) == Choice((0, 1, 2), ())


def test_classes_that_tie() -> None:
    tied = matrix("0011", "1100", "0011", "1100", "1000")
    scores = codet_scores(tied, 0.5)
    assert choose(tied, scores, 1, True) == Choice((0, 1, 2, 3), (0, 1, 2, 3))
    assert choose(tied, scores, 1, False) == Choice((0, 2), (2, 3))  # the class of candidate 0


@pytest.mark.parametrize("rows", [(), ("", ""), ("xx", "xx"), ("00", "0x")])
def test_nobody_passes_anything(rows: tuple[str, ...]) -> None:
    nothing = matrix(*rows)
    for scores in RULES:
        assert choose(nothing, scores(nothing), 1, False) == choose(nothing, scores(nothing), 1, True) == Choice((), ())


def ranked(ranking: Ranking, passing: PassingMatrix | None, size: int = 5) -> Ranked:
    candidates = [Candidate("p", k, None, "", "", "stop", None, None, None, 1) for k in range(size)]
    return ranking(Pool(Problem("p", "", "", "f", (), "", ""), candidates, []), agreement_of([()] * size), passing)


@pytest.mark.parametrize(
    ("ranking", "order", "solutions", "tests", "weight"),
    [
        (MaxPass(), ((2,), (0, 1, 3)), (2,), (0, 2, 3), 3 / 4),
        (MBRExec(), ((0, 1), (2, 3)), (0, 1), (0, 1), 2 / 5),
        (CodeT(0.5), ((2,), (0, 1), (3,)), (2,), (0, 2, 3), 0.2**0.5 * 3 / 4),
        (CodeT(1), ((0, 1), (2,), (3,)), (0, 1), (0, 1), 2 / 5 * 2 / 4),
        (B4(4, 3), ((2,), (0, 1), (3,)), (2,), (0, 2, 3), None),
        (B4(1, 1), ((0, 1), (2,), (3,)), (0, 1), (0, 1), None),
    ],
)
def test_rankings_by_hand(
    ranking: Ranking,
    order: tuple[tuple[int, ...], ...],
    solutions: tuple[int, ...],
    tests: tuple[int, ...],
    weight: float | None,
) -> None:
    found = ranked(ranking, WORKED)
    assert (found.order, found.left_out) == (order, (4,))
    assert (found.solutions, found.tests) == (solutions, tests)
    assert found.winner_weight == (None if weight is None else pytest.approx(weight))
    assert ranking.gives_weight is (weight is not None)


RANKINGS: list[Ranking] = [MaxPass(), MBRExec(), CodeT(0.5), B4(4, 3)]


@pytest.mark.parametrize("ranking", RANKINGS)
def test_a_ranking_takes_the_first_of_classes_that_tie(ranking: Ranking) -> None:
    found = ranked(ranking, matrix("0011", "1100", "xxxx", "0011", "1100"))
    assert found.order == ((0, 1, 3, 4),)
    all_of_them = isinstance(ranking, MaxPass)  # they need not agree
    assert (found.solutions, found.tests) == (((0, 1, 3, 4), (0, 1, 2, 3)) if all_of_them else ((0, 3), (2, 3)))
    assert found.left_out == (2,)


@pytest.mark.parametrize("ranking", RANKINGS)
def test_where_nobody_is_chosen(ranking: Ranking) -> None:
    for nothing in (None, matrix("", "", "", "", "")):
        found = ranked(ranking, nothing)
        assert (found.reason, found.applies, found.solutions) == ("no generated tests", False, ())
    found = ranked(ranking, matrix("00", "x0", "xx", "00", "00"))
    assert (found.reason, found.applies, found.solutions) == ("no candidate passes a generated test", True, ())
    with pytest.raises(ValueError, match="a passing matrix of 2 rows for 5 candidates"):
        ranked(ranking, matrix("1", "0"))


def test_settings_that_mean_nothing() -> None:
    with pytest.raises(ValueError, match=r"ranking\.exponent must be 0\.5 .* or 1 .*, got 2"):
        CodeT(2)
    with pytest.raises(ValueError, match=r"ranking\.log10_alpha must lie in -12\.\.12, got 1000"):
        B4(4, 1000)
    with pytest.raises(ValueError, match=r"ranking\.log10_beta0 must lie .* got nan"):
        B4(float("nan"), 3)


bits = st.tuples(st.integers(1, 7), st.integers(1, 6)).flatmap(
    lambda shape: st.lists(st.text("01x", min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0])
)


@given(bits)
def test_b4_is_a_product_of_beta_functions_of_counts(rows: list[str]) -> None:
    """B(a, b) of whole numbers is (a-1)! (b-1)! / (a+b-1)!: exact, from cells counted one by one."""

    def beta(a: int, b: int) -> Fraction:
        return Fraction(factorial(a - 1) * factorial(b - 1), factorial(a + b - 1))

    running = [i for i, row in enumerate(rows) if set(row) != {"x"}]
    passes = [[cell == "1" for cell in row] for row in rows]
    n, m = len(running), len(rows[0])
    for index, score in enumerate(b4_scores(matrix(*rows), 1, 1)):
        if index not in running:
            assert score is None
            continue
        mine = [i for i in running if passes[i] == passes[index]]
        others = [i for i in running if i not in mine]
        k, q = len(mine), sum(passes[index])
        cells = [(passes[index][j], passes[i][j]) for i in others for j in range(m)]
        n1, n0 = cells.count((True, True)), cells.count((False, True))
        m1, m0 = len(others) * q, len(others) * (m - q)
        posterior = (
            beta(10 + k, 1 + n - k) * beta(10 + q, 1 + m - q) * beta(1 + n1, 1 + m1 - n1) * beta(1 + n0, 10 + m0 - n0)
        )
        assert score == pytest.approx(log(posterior.numerator) - log(posterior.denominator), abs=1e-9)


@given(bits, st.randoms(use_true_random=False))
def test_the_order_of_candidates_and_tests_does_not_matter(rows: list[str], random: Any) -> None:
    candidates, tests = list(range(len(rows))), list(range(len(rows[0])))
    random.shuffle(candidates)
    random.shuffle(tests)
    mixed = matrix(*("".join(rows[i][j] for j in tests) for i in candidates))
    for scores in RULES:
        plain = scores(matrix(*rows))
        assert scores(mixed) == tuple(plain[i] for i in candidates)
        one = choose(matrix(*rows), plain, 1, True)
        other = choose(mixed, scores(mixed), 1, True)
        assert sorted(candidates[i] for i in other.solutions) == list(one.solutions)
        assert sorted(tests[j] for j in other.tests) == list(one.tests)


SELECTORS: dict[str, Callable[[PassingMatrix], Scores]] = {
    "MaxPass": max_pass_scores,
    "MBR_exec": mbr_exec_scores,
    "CodeT": lambda m: codet_scores(m, 0.5),
    "CodeT, product": lambda m: codet_scores(m, 1),
    "B4(beta0=10000,alpha=1e3)": lambda m: b4_scores(m, 4, 3),
    "B4(beta0=100000,alpha=1e3)": lambda m: b4_scores(m, 5, 3),
    "B4(beta0=1e+06,alpha=1e3)": lambda m: b4_scores(m, 6, 3),
    "B4(beta0=10,alpha=10)": lambda m: b4_scores(m, 1, 1),
    "B4(beta0=100,alpha=100)": lambda m: b4_scores(m, 2, 2),
    "B4(beta0=1000,alpha=100)": lambda m: b4_scores(m, 3, 2),
}


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the golden pool is not at {FOLDER}")
def test_a_real_pool() -> None:
    """Who is chosen in each problem, and the share of them that are right, as an independent implementation has it."""
    golden = json.loads((FOLDER / "selectors_summary.json").read_text())["accuracy_on_valid"]
    golden["CodeT, product"] = 0.5515  # worked out on the same matrices by another program; its picks are not on record
    shares: dict[str, list[float]] = {name: [] for name in SELECTORS}
    for record, pool in golden_matrices():
        for name, scores in SELECTORS.items():
            chosen = choose(pool, scores(pool), 0, True).solutions
            if name in record["selected"]:
                assert list(chosen) == record["selected"][name]["ids"], (record["task_id"], name)
            if record["valid_for_B4_protocol"]:
                shares[name].append(fmean(record["correct"][i] for i in chosen))
    for name, right in shares.items():
        assert len(right) == 110
        assert fmean(right) == pytest.approx(golden[name], abs=5e-5), name


def golden_matrices() -> Iterator[tuple[dict[str, Any], PassingMatrix]]:
    """The record of each problem that has tests, and its matrix; programs that don't even load have crashed."""
    with np.load(FOLDER / "selectors_matrices.npz") as matrices:
        for record in map(json.loads, (FOLDER / "selectors.jsonl").read_text().splitlines()):
            if (key := record["task_id"].replace("/", "_")) in matrices:
                rows = [tuple(map(bool, row)) for row in matrices[key]]
                yield (
                    record,
                    PassingMatrix(tuple(r if i in record["kept"] else (None,) * len(r) for i, r in enumerate(rows))),
                )
