import pytest

from conself.agreement.passing_matrix import PassingMatrix


def test_what_does_not_run_does_not_pass() -> None:
    matrix = PassingMatrix(((True, False, None), (None, True, True)))
    assert matrix.passed == ((True, False, False), (False, True, True))
    assert matrix.n_tests == 3


def test_no_candidates_no_tests() -> None:
    assert PassingMatrix(()).n_tests == 0
    assert PassingMatrix(((), ())).n_tests == 0


def test_rows_are_of_one_length() -> None:
    with pytest.raises(ValueError, match=r"rows of \[1, 2\] tests"):
        PassingMatrix(((True, False), (True,)))
