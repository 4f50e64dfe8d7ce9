"""A real pool (CodeGen-16B on HumanEval) against golden values of an independent implementation."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.agreement.traces import Agreement, agreement_of, trace_keys
from conself.curricula.entropy_band import EntropyBand
from conself.metrics.cluster_count import ClusterCount
from conself.metrics.code_semantic_entropy import CodeSemanticEntropy
from conself.metrics.crash_rate import CrashRate
from conself.metrics.naive_semantic_entropy import NaiveSemanticEntropy
from conself.metrics.output_entropy import OutputEntropy
from conself.metrics.pairwise_disagreement import PairwiseDisagreement
from conself.metrics.partial_semantic_entropy import PartialSemanticEntropy
from conself.metrics.von_neumann_entropy import VonNeumannEntropy
from conself.metrics.winner_doubt import WinnerDoubt
from conself.pairings.build import IndexPair, pairs_of
from conself.pairings.winner_and_losers import WinnerAndLosers
from conself.rankings.consensus import Consensus, by_consensus, consensus_scores
from conself.rankings.largest_cluster import LargestCluster
from conself.rankings.ranked import Ranking
from conself.records import Pool, Uncertainty
from conself.statistics.prediction import auc, correlations, golden
from conself.texts.groupings.by_similarity import BySimilarity
from experiments.metric_pools.golden import FOLDER, LOOSE, Case, cases, summary

Metric = Callable[..., Any]
STRICT = Comparison(list_equals_tuple=False, numbers="by_type", floats="digits", float_digits=17, split_whitespace=True)
PRINTED = 0.5000001e-10  # per-problem values are printed with 10 decimals

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the golden pool is not at {FOLDER}")


def agreement(pool: Pool, comparison: Comparison) -> Agreement:
    return agreement_of(trace_keys(pool, comparison))


def check(found: Agreement, block: dict[str, Any]) -> None:
    assert list(found.crashed) == [bool(flag) for flag in block["crashed"]]
    assert found.n_alive == block["n_alive"]
    assert [list(cluster) for cluster in found.clusters] == block["clusters"]
    np.testing.assert_allclose(consensus_scores(found.keys), block["R"], rtol=0, atol=PRINTED)
    ranked = by_consensus(found)
    assert ranked.winner == block["winner"]
    assert list(ranked.losers[:3]) == block["losers3"]  # the reference fills up with crashed ones


def test_the_pool_is_whole() -> None:
    assert len(cases()) == 164
    assert sum("strict" in case.expected for case in cases()) > 0
    assert {len(case.pool.candidates) for case in cases()} == {15}


def test_agreement_from_the_recorded_groups() -> None:
    for case in cases():
        check(agreement_of(case.group_keys), case.expected["loose"])


@pytest.mark.parametrize(("comparison", "block"), [(LOOSE, "loose"), (STRICT, "strict")])
def test_agreement_from_the_values_under_our_comparison(comparison: Comparison, block: str) -> None:
    for case in cases():
        differing = case.expected.get(block, {})  # other blocks list the fields that differ from loose
        check(agreement(case.pool, comparison), case.expected["loose"] | differing)


def values(metric: Metric) -> list[float]:
    return [metric(case.pool, agreement(case.pool, LOOSE)) for case in cases()]


def test_metrics() -> None:
    blocks = [case.expected["loose"] for case in cases()]
    np.testing.assert_allclose(values(CodeSemanticEntropy(3)), [b["H"] for b in blocks], rtol=0, atol=PRINTED)
    np.testing.assert_allclose(values(CrashRate()), [b["crash_rate"] for b in blocks], rtol=0, atol=PRINTED)
    assert all(block["eligible"] for block in blocks)


PAPER, SILENT, CONSTANT = Behaviour(False, None), Behaviour(True, None), Behaviour(True, 5)
ALTERNATIVES: list[tuple[Metric, str]] = [
    (PartialSemanticEntropy(PAPER), "H partial-crash=singletons"),
    (PartialSemanticEntropy(SILENT), "none"),
    (PartialSemanticEntropy(CONSTANT), "const5"),
    (ClusterCount(3), "n_clusters"),
    (OutputEntropy(), "mean per-input H crash=singletons"),
    (PairwiseDisagreement(), "1-mean pairwise agree (all)"),
    (WinnerDoubt(), "1-Rwinner(/K)"),
    (VonNeumannEntropy(), "von Neumann entropy agree (all)"),
]


@pytest.mark.parametrize(("metric", "name"), ALTERNATIVES, ids=lambda value: str(value)[:40])
def test_alternative_metrics(metric: Metric, name: str) -> None:
    found, rates = values(metric), pass_rates()
    figures = {"AUC": auc(found, [rate > 0 for rate in rates])}
    figures |= {key: pair[0] for key, pair in correlations(found, rates).items() if pair is not None}
    if name in ("none", "const5"):
        expected = [case.expected["improved"][name]["Hpartial"] for case in cases()]
        printed = summary()["improved_metric"][f"Hpartial/{name}"]
    else:
        expected = [case.expected["alts"][name] for case in cases()]
        printed = summary()["alternative_metrics(loose, eligible only)"][name]
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.5000001e-9)  # printed with 9 decimals
    for key, value in figures.items():
        assert value == pytest.approx(printed[key], abs=0.5001e-4), key


def one_hot(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.eye(len(texts), dtype=np.float32)


def test_naive_semantic_entropy_of_unlike_texts_is_their_entropy() -> None:
    for case in cases():
        expected = case.expected["alts"]["text entropy"]
        found = NaiveSemanticEntropy(BySimilarity(one_hot, 0.9))(case.pool, agreement(case.pool, LOOSE))
        assert found == pytest.approx(expected, abs=1e-8)


def test_pairs_take_the_live_losers_in_order_and_each_program_once() -> None:
    pairing = WinnerAndLosers(max_losers=3, crashed_fill=False)
    repeats = 0
    for case in cases():
        pairs = pairs_of(case.pool, agreement(case.pool, LOOSE), Consensus(PAPER), pairing).pairs
        found = [loser for _, loser in pairs]
        block, codes = case.expected["loose"], [candidate.code for candidate in case.pool.candidates]
        expected: dict[str | None, int] = {}
        for index in block["losers3_noncrashed"]:
            if codes[index] != codes[block["winner"]]:
                expected.setdefault(codes[index], index)
        repeats += len(block["losers3_noncrashed"]) - len(expected)
        assert found[: len(expected)] == list(expected.values())
    assert repeats > 0  # the pool does hold identical programs


def pass_rates() -> list[float]:
    return [sum(case.passed) / len(case.passed) for case in cases()]


@pytest.mark.parametrize(
    ("metric", "name", "field"),
    [(CodeSemanticEntropy(3), "code_semantic_entropy", "H"), (CrashRate(), "crash_rate", "crash_rate")],
)
def test_auc_and_correlations(metric: Metric, name: str, field: str) -> None:
    found_values, rates = values(metric), pass_rates()
    found = {"AUC": auc(found_values, [rate > 0 for rate in rates])} | correlations(found_values, rates)
    printed = summary()["loose"][name]
    assert found["AUC"] == pytest.approx(printed["AUC"], abs=0.5001e-4)
    for key in ("pearson", "spearman", "kendall"):
        coefficient, p = printed[key]
        assert found[key][0] == pytest.approx(coefficient, abs=0.5001e-4)  # type: ignore[index]  # never None here
        assert found[key][1] == pytest.approx(p, rel=0.6e-2)  # type: ignore[index]  # 3 significant digits
    recomputed(found, [case.expected["loose"][field] for case in cases()])


def recomputed(found: dict[str, Any], expected: list[float]) -> None:
    """The same figures straight from the golden per-problem values, to 1e-9."""
    rates = [case.expected["pass_rate"] for case in cases()]
    assert found["AUC"] == pytest.approx(roc_auc_score([r > 0 for r in rates], [-v for v in expected]), abs=1e-9)
    for key, function in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        assert found[key] == pytest.approx(tuple(function(expected, rates)), abs=1e-9)


def test_golden_rate_by_tau() -> None:
    uncertainties = [
        Uncertainty(case.pool.problem.id, "code_semantic_entropy", value, None)
        for case, value in zip(cases(), values(CodeSemanticEntropy(3)), strict=True)
    ]
    by_id = {case.pool.problem.id: case for case in cases()}
    passed = {name: case.passed for name, case in by_id.items()}
    for row in summary()["loose"]["tau_sweep"]:
        selection = EntropyBand(row["tau"])(uncertainties)
        assert len(selection.kept) == row["problems"]
        pairs = {name: reference_pairs(by_id[name]) for name in selection.kept}
        count, rate = golden(pairs, passed)
        assert (sum(map(len, pairs.values())), count) == (row["pairs"], row["golden"])
        assert rate == pytest.approx(row["golden_rate"], abs=0.5001e-4)
        assert rate == pytest.approx(row["golden"] / row["pairs"], abs=1e-9)
    assert [selection.minimum, selection.maximum] == pytest.approx(summary()["loose"]["H_min_max"], abs=0.5001e-4)


def reference_pairs(case: Case) -> list[IndexPair]:
    """The reference's own rule: the first three losers, crashed ones last, identical programs included."""
    ranked = by_consensus(agreement(case.pool, LOOSE))
    assert ranked.winner is not None
    return [(ranked.winner, index) for index in ranked.losers[:3]]


RANKINGS: dict[str, Ranking] = {
    "consensus": Consensus(PAPER),
    "largest_cluster": LargestCluster(),
    "consensus_silent": Consensus(SILENT),
    "consensus_constant": Consensus(CONSTANT),
}


def accuracy(name: str) -> float:
    indices = [RANKINGS[name](case.pool, agreement(case.pool, LOOSE), None).winner for case in cases()]
    right = [index is not None and case.passed[index] for index, case in zip(indices, cases(), strict=True)]
    return sum(right) / len(right)


def test_accuracy_of_selectors() -> None:
    block, improved = summary()["loose"], summary()["improved_metric"]["winner_acc"]
    expected = {
        "consensus": block["winner_acc"],
        "largest_cluster": block["majority_cluster_acc"],
        "consensus_silent": improved["none"],
        "consensus_constant": improved["const5"],
    }
    assert {name: accuracy(name) for name in expected} == pytest.approx(expected, abs=0.5001e-4)
    assert math.fsum(pass_rates()) / len(cases()) == pytest.approx(block["random_acc"], abs=0.5001e-4)


def test_rules_of_behaviour_choose_the_winners_of_the_reference() -> None:
    for case in cases():
        agreed = agreement(case.pool, LOOSE)
        for name, rule, block in (("silent", SILENT, "none"), ("constant", CONSTANT, "const5")):
            expected = case.expected["improved"][block]
            assert RANKINGS[f"consensus_{name}"](case.pool, agreed, None).winner == expected["winner"]
            assert agreement_of(rule(agreed.keys, is_stdin=False)).n_alive == expected["n_alive"]
