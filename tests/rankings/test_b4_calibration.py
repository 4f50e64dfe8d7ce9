"""Calibration of B4's prior by hand, on matrices of which only the choice at beta0 = 10 differs from the others."""

from fractions import Fraction

import pytest

from conself.agreement.passing_matrix import PassingMatrix
from conself.rankings.b4 import B4
from conself.rankings.b4_calibration import GRID, USUAL, Prior, calibrate, share_right


def matrix(*rows: str) -> PassingMatrix:
    return PassingMatrix(tuple(tuple(cell == "1" for cell in row) for row in rows))


WORKED = matrix("1100", "1100", "1011", "1010", "0000")
"""beta0 = 10 chooses {0, 1} whatever alpha, a larger one {2}: scores by hand are in test_by_tests.py."""
LONE = matrix("1111", "1000", "1000", "1000", "1000")
"""beta0 = 10 chooses {1, 2, 3, 4}, a larger one {0}."""
PAIR, THIRD = (True, True, False, False, False), (False, False, True, False, False)


def test_the_grid_of_the_paper() -> None:
    assert len(set(GRID)) == len(GRID) == 30
    assert {prior.log10_beta0 for prior in GRID} == {1, 2, 3, 4, 5, 6}
    assert {prior.log10_alpha for prior in GRID} == {0, 1, 2, 3, 4}
    assert USUAL in GRID
    assert Prior(5, 2).ranking() == B4(log10_beta0=5, log10_alpha=2)


@pytest.mark.parametrize("log10_alpha", range(5))
def test_a_larger_beta0_believes_the_lone_program_that_passes_more(log10_alpha: int) -> None:
    for log10_beta0 in range(1, 7):
        prior, small = Prior(log10_beta0, log10_alpha), log10_beta0 == 1
        assert share_right(WORKED, PAIR, prior) == small
        assert share_right(WORKED, THIRD, prior) == (not small)
        assert share_right(LONE, (True, True, False, False, False), prior) == (Fraction(1, 4) if small else 1)


def test_the_best_prior_wins_and_of_equals_the_one_nearest_to_the_usual() -> None:
    far = Prior(6, 0)
    assert calibrate({"p": WORKED}, {"p": PAIR}, far) == Prior(1, 3)  # of (1, 0) .. (1, 4)
    assert calibrate({"p": WORKED}, {"p": THIRD}, far) == USUAL
    nobody = calibrate({"p": WORKED}, {"p": (False,) * 5}, far)
    everybody = calibrate({"p": WORKED, "q": matrix("00", "00")}, {"p": (True,) * 5, "q": (True, True)}, far)
    assert nobody == everybody == USUAL


def test_problems_are_weighed_alike() -> None:
    """beta0 = 10 against others: 1 and 0 on the first, 2/4 and 1 on the second, 3/4 and 1 on the third; 9/4 and 2."""
    three = {"p": WORKED, "q": LONE, "r": LONE}
    verdicts = {"p": PAIR, "q": (True, True, True, False, False), "r": (True, True, True, True, False)}
    assert calibrate(three, verdicts, USUAL) == Prior(1, 3)
    verdicts["r"] = (True, True, False, False, False)  # 1/4: in all 7/4 against 2
    assert calibrate(three, verdicts, USUAL) == USUAL


def test_equally_near_ones_go_by_the_previous_prior_then_by_the_order_of_the_grid() -> None:
    grid, verdicts = (Prior(3, 3), Prior(5, 3), Prior(4, 4)), {"p": THIRD}
    assert calibrate({"p": WORKED}, verdicts, Prior(6, 2), grid) == Prior(5, 3)
    assert calibrate({"p": WORKED}, verdicts, Prior(1, 1), grid) == Prior(3, 3)
    assert calibrate({"p": WORKED}, verdicts, Prior(4, 4), grid) == Prior(4, 4)
    assert calibrate({"p": WORKED}, verdicts, USUAL, grid) == Prior(3, 3)
    nearer = (*grid, Prior(4.5, 3))
    assert calibrate({"p": WORKED}, verdicts, Prior(1, 1), nearer) == Prior(4.5, 3)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="needs problems and priors, got 0 and 30"):
        calibrate({}, {}, USUAL)
    with pytest.raises(ValueError, match="problem p: 0 verdicts for 5 candidates"):
        calibrate({"p": WORKED}, {"q": PAIR}, USUAL)
    with pytest.raises(ValueError, match="problem p: 1 verdicts for 5 candidates"):
        calibrate({"p": WORKED}, {"p": (True,)}, USUAL)
