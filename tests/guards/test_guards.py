"""Guards by hand: what they suspect, when they stop, and which weights they would keep."""

from dataclasses import replace

import pytest

from conself.guards.collapse import CollapseGuard
from conself.guards.guard import Assessment, Probe
from conself.guards.none import NoGuard

GUARD = CollapseGuard(
    held_out=10, every=5, like_left=0.5, rise=0.1, traces_left=0.5, code_left=0.5, constant_rise=0.2, patience=2
)  # fmt: skip
FIRST = Probe(step=0, winner_consensus=0.6, distinct_traces=4.0, constant=0.1, code_chars=100.0, like_first=0.4)
HEALTHY = replace(FIRST, winner_consensus=0.8, distinct_traces=2.5)
FEWER = replace(FIRST, winner_consensus=0.8, distinct_traces=2.0)
SHORTER = replace(FIRST, winner_consensus=0.8, code_chars=50.0)
CONSTANT = replace(FIRST, winner_consensus=0.8, constant=0.35)
WORSE = replace(FIRST, winner_consensus=0.5, distinct_traces=1.0, code_chars=9.0, constant=0.9)


@pytest.mark.parametrize("suspect", [FEWER, SHORTER, CONSTANT])
def test_it_stops_after_enough_suspect_probes_in_a_row(suspect: Probe) -> None:
    assert GUARD([FIRST]) == Assessment(0, None)
    assert GUARD([FIRST, HEALTHY, suspect]) == Assessment(1, None)
    found = GUARD([FIRST, HEALTHY, suspect, suspect])
    assert found.best == 1
    assert found.why is not None
    assert found.why.startswith("held-out consensus rose from 0.600 to 0.800, ")


def test_one_good_probe_in_between_clears_those_before() -> None:
    assert GUARD([FIRST, FEWER, HEALTHY, FEWER]) == Assessment(2, None)


def test_a_policy_that_gets_a_little_worse_without_growing_sure_is_no_collapse() -> None:
    assert GUARD([FIRST, WORSE, WORSE, WORSE]) == Assessment(3, None)


def test_it_stops_where_little_is_left_of_the_first_answers() -> None:
    """Half of .4 is left at .2, more at .21; what it moves to does not matter."""
    enough, little = replace(HEALTHY, like_first=0.21), replace(HEALTHY, like_first=0.2)
    assert GUARD([FIRST, enough, little]) == Assessment(1, None)
    assert GUARD([FIRST, little, enough, little]) == Assessment(2, None)
    found = GUARD([FIRST, enough, little, little])
    assert (found.best, found.why) == (1, "held-out programs like the first winners fell from 0.400 to 0.200")
    assert GUARD([FIRST, WORSE, little, little]).best == 1


def test_the_model_before_its_training_is_kept_where_all_else_is_suspect() -> None:
    assert GUARD([FIRST, FEWER, FEWER]).best == 0


def test_no_guard_keeps_the_last_weights() -> None:
    assert NoGuard(10, 5)([FIRST, FEWER, FEWER]) == Assessment(2, None)


@pytest.mark.parametrize(
    "change", [{"held_out": 0}, {"every": 0}, {"rise": -0.1}, {"traces_left": 1.5}, {"patience": 0}]
)
def test_settings_that_mean_nothing_are_refused(change: dict[str, float]) -> None:
    (name,) = change
    with pytest.raises(ValueError, match=rf"^guard\.{name} must"):
        replace(GUARD, **change)  # type: ignore[arg-type]
