import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.behaviour import Behaviour

NONE, EMPTY = "null", '""'
PAPER, SILENT = Behaviour(False, None), Behaviour(True, None)


def test_with_neither_rule_keys_stay_as_they_are() -> None:
    keys = [[NONE, NONE], ["1", "1"], [None, None]]
    assert PAPER(keys, is_stdin=False) == [(NONE, NONE), ("1", "1"), (None, None)]


def test_who_crashes_or_says_nothing_on_every_input_has_crashed() -> None:
    keys = [[NONE, NONE], [NONE, None], [NONE, "1"], [EMPTY, EMPTY], ["false", "false"], ["0", "0"]]
    crash = (None, None)
    assert SILENT(keys, is_stdin=False) == [crash, crash, (NONE, "1"), (EMPTY, EMPTY), ("false",) * 2, ("0",) * 2]


def test_a_program_that_reads_stdin_says_nothing_by_printing_nothing() -> None:
    assert SILENT([[EMPTY, None], [NONE, NONE]], is_stdin=True) == [(None, None), (NONE, NONE)]


def test_the_same_output_on_enough_inputs_is_no_behaviour() -> None:
    rule = Behaviour(False, 3)
    assert rule([["1", "1"]], is_stdin=False) == [("1", "1")]
    keys = [["1", "1", "1"], ["1", None, "1"], ["1", None, None], ["1", "1", "2"], [NONE] * 3]
    crash = (None,) * 3
    assert rule(keys, is_stdin=False) == [crash, crash, crash, ("1", "1", "2"), crash]


def test_rules_add_up() -> None:
    assert Behaviour(True, 5)([[NONE] * 2, ["1"] * 2], is_stdin=False) == [(None, None), ("1", "1")]


@pytest.mark.parametrize("least", [1, 0, -3])
def test_on_one_input_everything_is_constant(least: int) -> None:
    with pytest.raises(ValueError, match="constant_crashes_from must be at least 2, or null"):
        Behaviour(False, least)


_KEYS = st.integers(1, 5).flatmap(
    lambda m: st.lists(st.lists(st.sampled_from([None, NONE, EMPTY, "1"]), min_size=m, max_size=m), max_size=5)
)


@given(keys=_KEYS, silent=st.booleans(), least=st.none() | st.integers(2, 5), stdin=st.booleans())
def test_a_row_stays_or_crashes_whole_and_twice_is_once(
    keys: list[list[str | None]], silent: bool, least: int | None, stdin: bool
) -> None:
    rule = Behaviour(silent, least)
    found = rule(keys, stdin)
    assert all(row in (tuple(before), (None,) * len(before)) for row, before in zip(found, keys, strict=True))
    assert rule(found, stdin) == found
