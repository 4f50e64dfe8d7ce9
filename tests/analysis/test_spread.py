import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.spread import Spread, by_problem, by_seed, flat, holm, spread
from conself.records import Verdict
from tests.analysis.run_folders import bits


def test_mean_and_sample_standard_deviation() -> None:
    assert spread([0.1, None, 0.3, 0.2]) == Spread(pytest.approx(0.2), pytest.approx(0.1), 3)
    assert spread([0.5]) == Spread(0.5, None, 1)
    assert spread([None]) is None


def test_what_is_the_same_for_all_runs_is_flat() -> None:
    assert flat(spread([0.5, 0.5])) == 0.5
    assert flat(spread([0.5, 0.6])) == spread([0.5, 0.6])
    assert flat(None) is None


def test_differences_by_seed_and_their_t_test() -> None:
    # differences .1, .2, .3: mean .2, sd .1, t = .2 / (.1 / sqrt 3) = 3.4641 with 2 degrees of freedom: p = .0742
    found = by_seed({1: 0.5, 2: 0.5, 3: 0.5, 4: 0.9}, {1: 0.6, 2: 0.7, 3: 0.8})
    assert found is not None
    assert found.difference == Spread(pytest.approx(0.2), pytest.approx(0.1), 3)
    assert (found.wins, found.p) == (3, pytest.approx(0.07418, abs=1e-5))


def test_no_p_where_there_can_be_none() -> None:
    assert by_seed({1: 0.5}, {2: 0.6}) is None
    alone = by_seed({1: 0.5}, {1: 0.4})
    assert alone is not None
    assert (alone.p, alone.wins, alone.difference.sd) == (None, 0, None)
    equal = by_seed({1: 0.5, 2: 0.6}, {1: 0.6, 2: 0.7})
    assert equal is not None
    assert equal.p is None


def test_one_seed_is_mcnemars_test() -> None:
    # 4 fixed, 0 broken: p = 2 * .5 ** 4
    found = by_problem({0: bits("0000110")}, {0: bits("1111110")})
    assert found is not None
    assert (found.p, found.test, found.problems) == (0.125, "exact McNemar", 7)
    assert found.difference.mean == pytest.approx(4 / 7)


def test_seeds_are_pooled_within_problems() -> None:
    before = {0: bits("00"), 1: bits("00"), 2: bits("11")}
    after = {0: bits("10"), 1: bits("11")}
    found = by_problem(before, after)
    assert found is not None
    assert (found.seeds, found.problems, found.test) == (2, 2, "paired bootstrap")
    assert found.difference.mean == pytest.approx(0.75)  # problem 0 from 0 to 1, problem 1 from 0 to .5
    assert by_problem({0: bits("0")}, {1: bits("0")}) is None


def test_a_p_at_the_floor_of_the_bootstrap_is_a_bound() -> None:
    seeds = (0, 1)
    ahead = by_problem({s: bits("0" * 20) for s in seeds}, {s: bits("1" * 20) for s in seeds})
    assert ahead is not None
    assert (ahead.p, ahead.least) == (2 / 10_001, True)  # no resample of 10,000 is on the other side
    one = by_problem({0: bits("0" * 20)}, {0: bits("1" * 20)})
    assert one is not None
    assert (one.p, one.least) == (pytest.approx(2 * 0.5**20), False)  # McNemar's is exact, however small
    level = by_problem({s: bits("01" * 10) for s in seeds}, {s: bits("10" * 10) for s in seeds})
    assert level is not None
    assert not level.least


def test_holms_step_down() -> None:
    # sorted .01 .02 .03 .04: 4 * .01, 3 * .02, 2 * .03, 1 * .04 -> .04 .06 .06, and .04 is raised to .06
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_other_problems_are_refused() -> None:
    with pytest.raises(ValueError, match="same problems"):
        by_problem({0: bits("00")}, {0: [Verdict("other", "", (True,))]})


@settings(deadline=None)  # the first t-test loads much
@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_swapping_sides_turns_the_sign(values: list[float]) -> None:
    one, other = dict(enumerate(values)), dict(enumerate(reversed(values)))
    there, back = by_seed(one, other), by_seed(other, one)
    assert there is not None
    assert back is not None
    assert there.difference.mean == pytest.approx(-back.difference.mean, abs=1e-12)
    assert (there.p is None) == (back.p is None)
    assert there.p is None or math.isclose(there.p, back.p or 0, rel_tol=1e-6)
