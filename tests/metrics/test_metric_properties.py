"""What holds for every metric of behaviour: orders change nothing, agreement is no uncertainty, ranges are kept."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.behaviour import Behaviour
from conself.metrics.cluster_count import ClusterCount
from conself.metrics.code_semantic_entropy import CodeSemanticEntropy
from conself.metrics.joint_uncertainty import JointUncertainty
from conself.metrics.kappa_disagreement import KappaDisagreement
from conself.metrics.output_entropy import OutputEntropy
from conself.metrics.pairwise_disagreement import PairwiseDisagreement
from conself.metrics.partial_semantic_entropy import PartialSemanticEntropy
from conself.metrics.trace_disagreement import TraceDisagreement
from conself.metrics.unseen_mass import UnseenMass
from conself.metrics.von_neumann_entropy import VonNeumannEntropy
from conself.metrics.weighted_semantic_entropy import WeightedSemanticEntropy
from conself.metrics.winner_doubt import WinnerDoubt
from conself.records import Undefined

Score = Callable[..., Any]
PARTIAL = PartialSemanticEntropy(Behaviour(False, None))
UP_TO_ONE = [PairwiseDisagreement(), TraceDisagreement(), UnseenMass(), WinnerDoubt()]
IN_NATS = [PARTIAL, OutputEntropy(), VonNeumannEntropy(), WeightedSemanticEntropy(), JointUncertainty()]
OF_ALL = [*UP_TO_ONE, *IN_NATS]
"""Those over all K candidates, on which crashes weigh."""
ALL = [*OF_ALL, CodeSemanticEntropy(1), ClusterCount(1), KappaDisagreement()]

ROWS = st.tuples(st.integers(2, 4), st.integers(2, 7)).flatmap(
    lambda size: st.lists(st.text("ab.", min_size=size[0], max_size=size[0]), min_size=size[1], max_size=size[1])
)


def close(one: float | Undefined, other: float | Undefined) -> bool:
    return one == other or (isinstance(one, float) and one == pytest.approx(other, abs=1e-9))


@pytest.mark.parametrize("metric", ALL, ids=lambda m: type(m).__name__)
@given(data=st.data())
def test_the_orders_of_candidates_and_inputs_change_nothing(score: Score, metric: object, data: st.DataObject) -> None:
    rows = data.draw(ROWS)
    before = score(metric, rows)
    assert close(score(metric, data.draw(st.permutations(rows))), before)
    columns = data.draw(st.permutations(range(len(rows[0]))))
    assert close(score(metric, ["".join(row[j] for j in columns) for row in rows]), before)


@pytest.mark.parametrize("metric", OF_ALL, ids=lambda m: type(m).__name__)
@given(rows=ROWS)
def test_ranges_and_zero_for_the_unanimous_alone(score: Score, metric: object, rows: list[str]) -> None:
    value = score(metric, rows)
    most = 1.0 if metric in UP_TO_ONE else math.log(len(rows))
    assert 0 <= value <= most + 1e-12
    unanimous = len(set(rows)) == 1 and "." not in rows[0]
    if not isinstance(metric, UnseenMass):  # to which two groups of two are nothing unseen
        assert (value == 0) == unanimous
    assert score(metric, [rows[0].replace(".", "a")] * len(rows)) == 0.0


@pytest.mark.parametrize("metric", OF_ALL, ids=lambda m: type(m).__name__)
def test_no_agreement_is_as_uncertain_as_can_be(score: Score, metric: object) -> None:
    for rows in (["abcd", "bcda", "cdab"], ["....", "....", "...."]):
        if isinstance(metric, WinnerDoubt):  # a candidate always agrees with itself
            assert score(metric, rows) == pytest.approx(2 / 3 if rows[0] == "abcd" else 1)
        else:
            assert score(metric, rows) == pytest.approx(1 if metric in UP_TO_ONE else math.log(3))


@pytest.mark.parametrize("metric", OF_ALL, ids=lambda m: type(m).__name__)
@given(rows=ROWS)
def test_a_crash_in_place_of_an_output_never_makes_it_more_certain(
    score: Score, metric: object, rows: list[str]
) -> None:
    crashing = [rows[0].replace("a", "."), *rows[1:]]
    assert score(metric, crashing) >= score(metric, rows) - 1e-9


@given(rows=ROWS)
def test_marginal_entropies_are_no_more_than_the_joint_one(score: Score, rows: list[str]) -> None:
    assert score(OutputEntropy(), rows) <= score(PARTIAL, rows) + 1e-9
    assert score(VonNeumannEntropy(), rows) <= score(PARTIAL, rows) + 1e-9


@given(rows=ROWS)
def test_kappa_stays_in_its_range(score: Score, rows: list[str]) -> None:
    assert 0 <= score(KappaDisagreement(), rows) <= 2


@pytest.mark.parametrize("metric", OF_ALL, ids=lambda m: type(m).__name__)
def test_without_candidates_or_inputs_there_is_no_value(score: Score, metric: object) -> None:
    assert score(metric, []) == Undefined("no candidates")
    assert score(metric, ["", ""]) == Undefined("no inputs")
