import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.curricula.all_problems import AllProblems
from conself.curricula.at_least import AtLeast
from conself.curricula.entropy_band import EntropyBand
from conself.curricula.held_out import HeldOut
from conself.curricula.lowest_first import LowestFirst
from conself.curricula.selection import normalise, what_would_keep
from conself.records import Uncertainty


def uncertainties(*values: float | None) -> list[Uncertainty]:
    reason = "fewer than 3 live candidates"
    return [Uncertainty(f"p{i}", "h", v, reason if v is None else None) for i, v in enumerate(values)]


def test_the_band_is_strict_on_both_sides() -> None:
    # min 0, max 2: H_norm = 0, .25, .5, .75, 1
    selection = EntropyBand(0.75)(uncertainties(0.0, 0.5, None, 1.0, 1.5, 2.0))
    assert selection.kept == ("p1", "p3")
    assert selection.dropped == {
        "p0": "unanimous (H = 0)",
        "p2": "undefined: fewer than 3 live candidates",
        "p4": "too uncertain (H_norm >= tau)",
        "p5": "too uncertain (H_norm >= tau)",
    }
    assert (selection.minimum, selection.maximum) == (0.0, 2.0)
    assert selection.normalised == {"p0": 0.0, "p1": 0.25, "p3": 0.5, "p4": 0.75, "p5": 1.0}


def test_the_problem_at_the_minimum_leaves_also_when_it_is_above_zero() -> None:
    selection = EntropyBand(1.0)(uncertainties(0.5, 1.0, 1.5))
    assert selection.kept == ("p1",)
    assert selection.dropped == {"p0": "least uncertain (H_norm = 0)", "p2": "too uncertain (H_norm >= tau)"}


def test_equal_uncertainties_normalise_to_zero() -> None:
    selection = EntropyBand(1.0)(uncertainties(0.7, 0.7))
    assert selection.kept == ()
    assert selection.normalised == {"p0": 0.0, "p1": 0.0}


@pytest.mark.parametrize("tau", [0.0, -0.1, 1.3, math.nan])
def test_tau_out_of_range(tau: float) -> None:
    with pytest.raises(ValueError, match=rf"tau must lie in \(0, 1\], got {tau}; .*docs/method\.md#curriculum"):
        EntropyBand(tau)


def test_what_would_keep_names_the_range_and_a_tau_that_works() -> None:
    values = uncertainties(0.0, 1.0, 1.5, 4.0)
    empty = EntropyBand(0.2)(values)
    assert empty.kept == ()
    assert what_would_keep(empty) == "uncertainty of 4 problems runs from 0 to 4: tau above 0.25 keeps at least one"
    assert EntropyBand(0.2501)(values).kept == ("p1",)


def test_what_would_keep_admits_that_nothing_would() -> None:
    assert what_would_keep(EntropyBand(0.5)(uncertainties(None, None))) == "no problem has a defined uncertainty"
    hopeless = what_would_keep(EntropyBand(0.5)(uncertainties(0.0, 2.0)))
    assert hopeless == "uncertainty of 2 problems runs from 0 to 2 with nothing in between: no tau keeps a problem"


def test_all_problems_keeps_the_undefined_as_well() -> None:
    selection = AllProblems()(uncertainties(2.0, None, 0.0))
    assert selection.kept == ("p0", "p1", "p2")
    assert selection.dropped == {}
    assert (selection.minimum, selection.maximum, selection.normalised) == (0.0, 2.0, {"p0": 1.0, "p2": 0.0})


def test_lowest_first_ranks_the_defined() -> None:
    selection = LowestFirst()(uncertainties(2.0, None, 0.0, 1.0))
    assert (selection.kept, selection.ranked) == (("p2", "p3", "p0"), True)
    assert selection.dropped == {"p1": "undefined: fewer than 3 live candidates"}


def test_equal_values_are_ranked_alike_whatever_their_order() -> None:
    values = uncertainties(*[0.0] * 30)
    kept = LowestFirst()(values).kept
    assert kept == LowestFirst()(values[::-1]).kept
    assert kept != tuple(sorted(kept, key=lambda name: int(name[1:])))


_VALUES = st.lists(st.one_of(st.none(), st.just(0.0), st.floats(0, 3)), max_size=12)


@given(_VALUES, st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_smaller_tau_keeps_a_subset(values: list[float | None], one: float, other: float) -> None:
    small, large = (EntropyBand(tau)(uncertainties(*values)) for tau in sorted((one, other)))
    assert set(small.kept) <= set(large.kept)
    assert set(small.kept) | set(small.dropped) == {f"p{i}" for i in range(len(values))}
    assert not set(small.kept) & set(small.dropped)


@given(_VALUES)
def test_normalised_values_span_the_unit_interval(values: list[float | None]) -> None:
    low, high, normalised = normalise(uncertainties(*values))
    assert all(0 <= value <= 1 for value in normalised.values())
    if low is not None and low != high:
        assert {0.0, 1.0} <= set(normalised.values())


@given(_VALUES)
def test_unanimous_problems_are_always_dropped(values: list[float | None]) -> None:
    kept = EntropyBand(1.0)(uncertainties(*values)).kept
    assert not [i for i, value in enumerate(values) if value == 0 and f"p{i}" in kept]


def test_held_out_problems_come_first_by_hash_and_the_others_are_those_of_the_curriculum() -> None:
    values = uncertainties(0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    order = sorted((f"p{i}" for i in range(6)), key=lambda name: hashlib.sha256(f"0\0{name}".encode()).digest())
    selection = HeldOut(2, 0, AllProblems())(values)
    assert selection.kept == tuple(name for name in (f"p{i}" for i in range(6)) if name not in order[:2])
    assert selection.dropped == dict.fromkeys(order[:2], "held out")
    later = HeldOut(2, 0, AllProblems())(list(reversed(values)))
    assert set(later.dropped) == set(order[:2]), "the same in every round, whatever the values and their order"
    assert HeldOut(2, 1, AllProblems())(values).dropped != selection.dropped
    rest = [u for u in values if u.problem_id in selection.kept]
    band = HeldOut(2, 0, EntropyBand(0.5))(values)
    assert band.kept == EntropyBand(0.5)(rest).kept
    assert set(band.dropped) == {u.problem_id for u in values} - set(band.kept)
    assert HeldOut(99, 0, AllProblems())(values).kept == ()
    with pytest.raises(ValueError, match=r"curriculum\.n must be at least 1"):
        HeldOut(0, 0, AllProblems())


@pytest.mark.parametrize(("threshold", "kept"), [(0, "p0 p1 p3 p4"), (1, "p1 p3 p4"), (2, "p3 p4"), (3, "p4"), (4, "")])
def test_at_least_counts_the_threshold_itself_in(threshold: float, kept: str) -> None:
    """Ranks 0, 1, none, 2 and 3: as ZeroCoder's thresholds, of which 0 keeps all that have a rank."""
    selection = AtLeast(threshold)(uncertainties(0.0, 1.0, None, 2.0, 3.0))
    assert selection.kept == tuple(kept.split())
    below = {f"p{i}" for i in (0, 1, 3, 4)} - set(selection.kept)
    reasons = dict.fromkeys(below, f"below curriculum.threshold ({threshold})")
    assert selection.dropped == {**reasons, "p2": "undefined: fewer than 3 live candidates"}
    assert (selection.ranked, selection.minimum, selection.maximum) == (False, 0.0, 3.0)
