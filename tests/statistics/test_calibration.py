"""Calibration by hand, and against scikit-learn."""

import random

import pytest
from sklearn.metrics import brier_score_loss

from conself.statistics.calibration import Point, abstention_curve, brier, calibration_error


def test_brier_by_hand() -> None:
    assert brier([0.5, 1.0, 0.0, 0.25], [True, True, True, False]) == pytest.approx((0.25 + 0 + 1 + 0.0625) / 4)


def test_brier_as_scikit_learn_has_it() -> None:
    draw = random.Random(3)
    p = [draw.random() for _ in range(200)]
    right = [draw.random() < value for value in p]
    assert brier(p, right) == pytest.approx(brier_score_loss(right, p))


def test_calibration_error_by_hand() -> None:
    # bin 0.2: two at .2 and .25, one right: |.225 - .5|; bin 0.9: .9 and 1.0, both right: |.95 - 1|; two of five each;
    # bin 0.0: one at 0, wrong: nothing
    p, right = [0.2, 0.25, 0.9, 1.0, 0.0], [True, False, True, True, False]
    assert calibration_error(p, right) == pytest.approx((2 * 0.275 + 2 * 0.05) / 5)


def test_who_keeps_its_word_has_no_error() -> None:
    assert calibration_error([0.5] * 4 + [1.0, 0.0], [True, False, True, False, True, False]) == 0


@pytest.mark.parametrize("measure", [brier, calibration_error])
def test_nothing_and_other_numbers_are_refused(measure: object) -> None:
    assert callable(measure)
    for p, right in (([], []), ([0.5], [True, False])):
        with pytest.raises(ValueError, match="give one each"):
            measure(p, right)


def test_an_abstention_curve_by_hand() -> None:
    # five problems: two equally sure, one without an answer
    curve = abstention_curve([0.9, 0.4, None, 0.7, 0.7], [True, False, False, True, False])
    assert curve == [Point(0.9, 1 / 5, 1.0), Point(0.7, 3 / 5, 2 / 3), Point(0.4, 4 / 5, 2 / 4)]
    assert abstention_curve([None], [False]) == []
    assert abstention_curve([], []) == []


def test_a_curve_ends_at_all_answers_and_coverage_grows() -> None:
    draw = random.Random(5)
    sure = [draw.choice([None, 0.1, 0.2, 0.3, draw.random()]) for _ in range(300)]
    right = [draw.random() < 0.5 for _ in range(300)]
    curve = abstention_curve(sure, right)
    assert [p.threshold for p in curve] == sorted({c for c in sure if c is not None}, reverse=True)
    for point in curve:  # each by counting
        there = [r for c, r in zip(sure, right, strict=True) if c is not None and c >= point.threshold]
        assert (point.coverage, point.accuracy) == (len(there) / 300, sum(there) / len(there))
