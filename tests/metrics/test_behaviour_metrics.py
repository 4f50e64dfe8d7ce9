"""Behaviour metrics on one problem worked by hand; what they share is in test_metric_properties.py."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from conself.agreement.behaviour import Behaviour
from conself.metrics.cluster_count import ClusterCount
from conself.metrics.joint_uncertainty import JointUncertainty
from conself.metrics.output_entropy import OutputEntropy
from conself.metrics.pairwise_disagreement import PairwiseDisagreement
from conself.metrics.partial_semantic_entropy import PartialSemanticEntropy
from conself.metrics.trace_disagreement import TraceDisagreement
from conself.metrics.unseen_mass import UnseenMass
from conself.metrics.von_neumann_entropy import VonNeumannEntropy
from conself.metrics.weighted_semantic_entropy import WeightedSemanticEntropy
from conself.metrics.winner_doubt import WinnerDoubt
from conself.records import Pool, Undefined

Score = Callable[..., Any]
PAPER = Behaviour(silent_crashes=False, constant_crashes_from=None)
PARTIAL = PartialSemanticEntropy(PAPER)
FIVE = ["ab", "ab", "a.", "cb", ".."]
"""Five candidates on two inputs: twice a then b, once a then CRASH, once c then b, once CRASH on both."""
LN2, LN5 = math.log(2), math.log(5)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (PARTIAL, LN5 - 2 / 5 * LN2),  # {0, 1} and three singletons
        (ClusterCount(3), 3.0),  # ab, a., cb
        # input 1: a a a c and a crash; input 2: b b b and two crashes
        (OutputEntropy(), LN5 - 3 / 5 * math.log(3)),
        # of 10 pairs 3 agree on input 1 and 3 on input 2
        (PairwiseDisagreement(), 1 - 6 / 20),
        (TraceDisagreement(), 1 - 1 / 10),  # the pair (0, 1)
        (WinnerDoubt(), 1 - (3 / 5 + 3 / 5) / 2),
        (UnseenMass(), 3 / 5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_problem_worked_by_hand(score: Score, metric: object, expected: float) -> None:
    assert score(metric, FIVE) == pytest.approx(expected, abs=1e-14)


def test_von_neumann_entropy_of_a_kernel_with_a_known_spectrum(score: Score) -> None:
    # two candidates that agree on one input of two: rho = [[1, .5], [.5, 1]] / 2 has eigenvalues 3/4 and 1/4
    expected = 0.75 * math.log(4 / 3) + 0.25 * math.log(4)
    assert score(VonNeumannEntropy(), ["ab", "ac"]) == pytest.approx(expected, abs=1e-12)
    # whole agreement or none: the entropy over clusters, crashes as singletons
    assert score(VonNeumannEntropy(), ["ab", "ab", "cd", ".."]) == pytest.approx(1.5 * LN2, abs=1e-12)
    # two that crash on the same input agree on the other one only, and each is wholly like itself
    assert score(VonNeumannEntropy(), ["a.", "a."]) == pytest.approx(expected, abs=1e-12)


def test_rules_of_behaviour_make_singletons(score: Score) -> None:
    rows = ["NNNNN", "NNNNN", "aaaaa", "aaaaa", "abcde", "abcde"]
    silent, constant = Behaviour(True, None), Behaviour(True, 5)
    assert score(PARTIAL, rows) == pytest.approx(math.log(3))
    # NNNNN fall apart: sizes 2, 2, 1, 1; then aaaaa as well: 2, 1, 1, 1, 1
    assert score(PartialSemanticEntropy(silent), rows) == pytest.approx(math.log(6) - 4 / 6 * LN2)
    assert score(PartialSemanticEntropy(constant), rows) == pytest.approx(math.log(6) - 2 / 6 * LN2)


def test_silence_of_a_program_that_reads_stdin_is_empty_output(make_pool: Callable[..., Pool], score: Score) -> None:
    silent = PartialSemanticEntropy(Behaviour(True, None))
    assert score(silent, make_pool(["N", "N"], entry_point=None)) == 0.0  # it printed something that reads null
    assert score(silent, make_pool(["N", "N"])) == pytest.approx(LN2)


def test_likely_texts_weigh_more(make_pool: Callable[..., Pool], score: Score) -> None:
    # weights exp(-ln 1), exp(-ln 2), exp(-ln 2): clusters {0} and {1, 2} of .5 each
    pool = make_pool(["a", "b", "b"], mean_nll=[0.0, LN2, LN2])
    assert score(WeightedSemanticEntropy(), pool) == pytest.approx(LN2)
    # exp(-1000) is 0 in floats
    assert score(WeightedSemanticEntropy(), make_pool(["a", "b"], mean_nll=[0.0, 1000.0])) == 0.0
    # the crashed ones are two clusters
    pool = make_pool(["a", ".", "."], mean_nll=[0.0, LN2, LN2])
    assert score(WeightedSemanticEntropy(), pool) == pytest.approx(1.5 * LN2)
    assert score(WeightedSemanticEntropy(), ["ab", "ab", "cb", ".."]) == pytest.approx(
        score(PARTIAL, [*FIVE[:2], "cb", ".."])
    )


def test_joint_uncertainty_is_a_product(make_pool: Callable[..., Pool], score: Score) -> None:
    pool = make_pool(["a", "b"], mean_token_entropy=[0.1, 0.3])
    assert score(JointUncertainty(), pool) == pytest.approx(0.2 * LN2)


@pytest.mark.parametrize(
    ("metric", "field", "reason"),
    [
        (WeightedSemanticEntropy(), "mean_nll", "log-probabilities"),
        (JointUncertainty(), "mean_token_entropy", "token entropies"),
    ],
)
def test_black_box_candidates_leave_it_undefined(
    make_pool: Callable[..., Pool], score: Score, metric: object, field: str, reason: str
) -> None:
    assert score(metric, make_pool(["a", "b"], **{field: [0.2, None]})) == Undefined(f"candidates without {reason}")


def test_cluster_count_needs_live_candidates(score: Score) -> None:
    assert score(ClusterCount(3), ["a", "b", "."]) == Undefined("fewer than 3 live candidates")
    assert score(ClusterCount(2), ["a", "b", "."]) == 2.0
    with pytest.raises(ValueError, match="min_alive must be at least 1, got 0"):
        ClusterCount(0)


@pytest.mark.parametrize("metric", [PairwiseDisagreement(), TraceDisagreement()])
def test_a_single_candidate_has_nobody_to_differ_from(score: Score, metric: object) -> None:
    assert score(metric, ["ab"]) == Undefined("fewer than 2 candidates")
