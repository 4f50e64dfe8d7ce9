import warnings

import pytest

from conself.agreement.comparison import Comparison
from conself.oracles import Oracle
from conself.records import Outcome, Status
from conself.statistics.prediction import auc, correlations, golden, judge

METHOD = Comparison(list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=6, split_whitespace=True)


def test_auc_counts_pairs_in_the_right_order() -> None:
    # solvable at .1 and .4, unsolvable at .3 and .4: of four pairs 2 are right (.1), one wrong (.4 > .3), one tied
    assert auc([0.1, 0.4, 0.3, 0.4], [True, True, False, False]) == pytest.approx((2 + 0 + 0.5) / 4)


def test_float_noise_does_not_break_ties() -> None:
    noisy = [0.1 + 0.2, 0.3]
    assert noisy[0] != noisy[1]
    assert auc(noisy, [True, False]) == 0.5
    assert (
        correlations([*noisy, 0.9, 0.0], [0.5, 0.5, 0.1, 1.0])["kendall"]
        == correlations([0.3, 0.3, 0.9, 0.0], [0.5, 0.5, 0.1, 1.0])["kendall"]
    )


def test_correlations_worked_by_hand() -> None:
    # x = 1, 2, 3, 4 against y = 8, 4, 2, 1: deviations of y from 3.75 are 4.25, .25, -1.75, -2.75
    # Sxy = -1.5 * 4.25 - .5 * .25 + .5 * -1.75 + 1.5 * -2.75 = -11.5, Sxx = 5, Syy = 28.75
    result = correlations([1, 2, 3, 4], [8, 4, 2, 1])
    assert result["pearson"] is not None
    assert result["spearman"] is not None
    assert result["kendall"] is not None
    assert result["pearson"][0] == pytest.approx(-11.5 / (5 * 28.75) ** 0.5)
    assert result["spearman"][0] == pytest.approx(-1.0)
    assert result["kendall"][0] == pytest.approx(-1.0)
    assert result["kendall"][1] == pytest.approx(2 / 24)  # two of the 4! orders are as extreme


def test_degenerate_inputs_give_none_and_no_warning() -> None:
    nothing = {"pearson": None, "spearman": None, "kendall": None}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert auc([0.1, 0.2], [True, True]) is None
        assert auc([], []) is None
        assert correlations([], []) == nothing
        assert correlations([0.1, 0.2], [0.0, 1.0]) == nothing
        assert correlations([0.3] * 4, [0.0, 0.2, 0.4, 0.6]) == nothing
        assert correlations([0.1, 0.2, 0.3], [0.0] * 3) == nothing
        assert golden({}, {}) == (0, None)


def test_a_pair_is_golden_when_the_winner_is_right_and_the_loser_wrong() -> None:
    passed = {"p": [True, False, True], "q": [False, False]}
    pairs = {"p": [(0, 1), (0, 2), (1, 0), (0, None)], "q": [(0, 1)]}
    assert golden(pairs, passed) == (1, 0.25)


def outcomes(*values: str | None) -> list[Outcome]:
    return [Outcome(Status.TIMEOUT, "") if value is None else Outcome(Status.OK, value) for value in values]


def test_judging_takes_every_input_and_the_comparison_of_clustering() -> None:
    oracle = Oracle("p", ('{"t":[1,2]}', '{"f":"0.3"}'))
    assert judge(outcomes("[1,2]", '{"f":"0.30000000000000004"}'), oracle, METHOD.equal, is_stdout=False)
    assert not judge(outcomes("[1,2]", "0"), oracle, METHOD.equal, is_stdout=False)
    assert not judge(outcomes("[1,2]", None), oracle, METHOD.equal, is_stdout=False)
    assert judge(outcomes('"1 2\\n"'), Oracle("p", ('"1  2"',)), METHOD.equal, is_stdout=True)
    assert not judge(outcomes('"1 2\\n"'), Oracle("p", ('"1  2"',)), METHOD.equal, is_stdout=False)


def test_an_exception_that_spells_the_expected_value_is_still_a_crash() -> None:
    assert not judge([Outcome(Status.EXCEPTION, "1")], Oracle("p", ("1",)), METHOD.equal, is_stdout=False)


@pytest.mark.parametrize(("values", "expected"), [(("1",), ("1", "2")), ((), ())])
def test_judging_needs_one_expected_value_per_input(values: tuple[str, ...], expected: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"problem p: .* outcomes against .* expected values"):
        judge(outcomes(*values), Oracle("p", expected), METHOD.equal, is_stdout=False)
