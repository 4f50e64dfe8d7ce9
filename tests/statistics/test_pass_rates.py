"""pass@k, intervals and paired tests: worked by hand, by enumeration, and against scipy."""

import tracemalloc
from itertools import combinations, product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from conself.records import Verdict
from conself.statistics.pass_rates import _resampled_means, estimate, paired, pass_at_k, pass_rates, usual_ks


def verdicts(*rows: str, difficulty: str = "easy") -> list[Verdict]:
    """One problem per word, one answer per letter: r is right."""
    return [Verdict(f"p{i}", difficulty, tuple(letter == "r" for letter in row)) for i, row in enumerate(rows)]


def test_pass_at_k_worked_by_hand() -> None:
    assert pass_at_k(4, 1, 1) == 0.25
    assert pass_at_k(4, 2, 2) == pytest.approx(1 - 1 / 6)  # one of the six pairs misses both
    assert pass_at_k(3, 2, 2) == 1.0
    assert pass_at_k(5, 0, 5) == 0.0


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_draws_with_a_pass(case: tuple[int, int, int]) -> None:
    n, c, k = case
    draws = list(combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, 1, 4), (3, 1, 0), (3, -1, 1)])
def test_pass_at_k_out_of_range(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@k needs"):
        pass_at_k(n, c, k)


def test_problems_may_have_differing_numbers_of_answers() -> None:
    found = verdicts("rwww", "rr", "www")
    assert pass_rates(found, 1) == [0.25, 1.0, 0.0]
    assert pass_rates(found, 2) == [pytest.approx(0.5), 1.0, 0.0]  # three of the six pairs hold the right one
    assert usual_ks(found) == [1]
    assert usual_ks(verdicts("r" * 10, "w" * 12)) == [1, 10]
    assert usual_ks([]) == []


def test_too_few_answers_are_an_error_that_names_the_problems() -> None:
    with pytest.raises(ValueError, match=r"pass@3 needs 3 answers .* 2 problems \(p1, p2\) have fewer"):
        pass_rates(verdicts("rww", "rr", ""), 3)
    with pytest.raises(ValueError, match=r"7 problems \(p0, p1, p2, p3, p4 and 2 more\)"):
        pass_rates(verdicts(*["r"] * 7), 2)
    with pytest.raises(ValueError, match="k of at least 1"):
        pass_rates(verdicts("r"), 0)


def test_an_interval_where_nothing_varies_is_the_value() -> None:
    for value in (0.0, 1.0, 0.3):
        found = estimate([value] * 7)
        assert (found.mean, found.low, found.high) == pytest.approx((value, value, value), abs=1e-12)
    with pytest.raises(ValueError, match="at least one problem"):
        estimate([])


@pytest.mark.parametrize("values", [(0.0, 1.0), (0.0, 0.0, 1.0, 0.25), (0.5, -1.0, 1.0, 0.0, 0.0)])
def test_resampling_follows_the_exact_distribution(values: tuple[float, ...]) -> None:
    """All n^n draws, enumerated: the shares of 10,000 resamples lie within four standard errors of theirs."""
    exact = [round(sum(draw) / len(values), 12) for draw in product(values, repeat=len(values))]
    drawn = _resampled_means(values)
    for mean in set(exact):
        share = exact.count(mean) / len(exact)
        assert abs(float((drawn == mean).mean()) - share) < 4 * (share * (1 - share) / len(drawn)) ** 0.5
    assert set(drawn.tolist()) <= set(exact)


@pytest.mark.parametrize("seed", range(3))
def test_interval_is_scipys_percentile_bootstrap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.binomial(5, 0.4, size=150) / 5
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(9)
    ).confidence_interval
    ours = estimate(values.tolist())
    assert ours.mean == pytest.approx(values.mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_interval_of_one_answer_each_is_near_the_binomials() -> None:
    # 300 of 1,000: standard error sqrt(.3 * .7 / 1000) = .01449, so .3 -+ 1.96 * .01449
    found = estimate([1.0] * 300 + [0.0] * 700)
    assert (found.low, found.high) == pytest.approx((0.3 - 0.0284, 0.3 + 0.0284), abs=0.0015)


def test_many_distinct_values_take_little_memory() -> None:
    """3,000 problems that all differ are resampled piece by piece: at once it would be 240 MB."""
    values = [i / 3000 for i in range(3000)]
    tracemalloc.start()
    found = estimate(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    half = 1.96 * float(np.std(values)) / 3000**0.5
    assert (found.low, found.high) == pytest.approx((found.mean - half, found.mean + half), abs=0.001)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0]), min_size=1, max_size=30), st.randoms())
def test_interval_properties(values: list[float], shuffler: Random) -> None:
    found = estimate(values)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    again = list(values)
    shuffler.shuffle(again)
    other = estimate(again)
    assert (other.low, other.high) == (found.low, found.high), "order and time change nothing"


def test_paired_test_of_one_answer_each_is_exact_mcnemar() -> None:
    base, tuned = verdicts(*"rwwwwwr"), verdicts(*"wrrrrrr")
    # 5 fixed, 1 broken: p = 2 * (C(6,0) + C(6,1)) / 2^6 = 14 / 64
    found = paired(base, tuned)
    assert (found.fixed, found.broken, found.test) == (5, 1, "exact McNemar")
    assert found.p == pytest.approx(14 / 64)
    assert found.difference.mean == pytest.approx(4 / 7)
    assert paired(base, base).p == 1.0


def test_paired_bootstrap_worked_by_enumeration() -> None:
    base, tuned = verdicts("rw", "ww", "rr", "ww"), verdicts("rr", "rw", "rw", "rr")
    # differences of pass@1: .5, .5, -.5, 1: of all 256 draws of four, the share whose sum is not above 0
    draws = list(product((0.5, 0.5, -0.5, 1.0), repeat=4))
    exact = 2 * sum(sum(draw) <= 0 for draw in draws) / len(draws)
    found = paired(base, tuned)
    assert (found.fixed, found.broken, found.test) == (3, 1, "paired bootstrap")
    assert found.difference.mean == pytest.approx(0.375)
    assert found.p == pytest.approx(exact, abs=0.02)
    assert paired(base, base).p == 1.0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.text("rw", min_size=1, max_size=3), st.text("rw", min_size=1, max_size=3)), min_size=1))
def test_exchanging_the_models_mirrors_the_comparison(rows: list[tuple[str, str]]) -> None:
    first, second = verdicts(*(a for a, _ in rows)), verdicts(*(b for _, b in rows))
    there, back = paired(first, second), paired(second, first[::-1])
    assert (there.fixed, there.broken) == (back.broken, back.fixed)
    assert there.difference.mean == pytest.approx(-back.difference.mean)
    assert 0 < there.p <= 1
    assert there.p == pytest.approx(back.p, abs=0.05)  # two resamplings
    if there.p < 0.03:
        assert there.difference.low > 0 or there.difference.high < 0 or there.test == "exact McNemar"


def test_a_comparison_of_different_problems_names_them() -> None:
    with pytest.raises(ValueError, match=r"2 problems \(p1, p2\) only in the first$"):
        paired(verdicts("r", "w", "r"), verdicts("r"))
    with pytest.raises(ValueError, match=r"1 problem \(p1\) only in the second$"):
        paired(verdicts("r"), verdicts("r", "w"))
    with pytest.raises(ValueError, match=r"twice among the verdicts: 1 problem \(p0\)"):
        paired([*verdicts("r"), *verdicts("r")], verdicts("r"))
