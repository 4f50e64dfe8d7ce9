"""A real pool (CodeGen-16B on HumanEval) against golden values of an independent implementation."""

import ast
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score

from conself.comparison import Comparison
from conself.consensus import Consensus, consensus, consensus_of, losers
from conself.curricula.entropy_band import EntropyBand
from conself.metrics.code_semantic_entropy import CodeSemanticEntropy
from conself.metrics.crash_rate import CrashRate
from conself.metrics.naive_semantic_entropy import NaiveSemanticEntropy
from conself.pairing.consensus_pairs import ConsensusPairs
from conself.records import Candidate, Outcome, Pool, PreferencePair, Problem, Status, Trace, Uncertainty
from conself.sandbox.canonical import canonical
from conself.statistics import auc, correlations, golden

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "pools" / "codegen16b"
LOOSE = Comparison(list_equals_tuple=True, float_digits=6, split_whitespace=True)
STRICT = Comparison(list_equals_tuple=False, float_digits=17, split_whitespace=True)
PRINTED = 0.5000001e-10  # per-problem values are printed with 10 decimals

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the golden pool is not at {FOLDER}")


@dataclass(frozen=True)
class Case:
    """One golden problem: the pool as recorded by us, its values' loose groups, and what the reference found."""

    pool: Pool
    group_keys: list[list[str | None]]
    passed: list[bool]
    expected: dict[str, Any]


def read_value(text: str) -> Any:
    """The value behind the reference's text; what it abbreviated (objects, long strings) stands for itself."""
    if text in ("nan", "inf", "-inf"):
        return float(text)
    if text == "set()":
        return set()
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


@cache
def cases() -> list[Case]:
    names = ("codegen16b.candidates", "codegen16b.outcomes", "codegen16b.metrics")
    return [build(*three) for three in zip(*map(lines, names), strict=True)]


def build(drawn: dict[str, Any], outcomes: dict[str, Any], expected: dict[str, Any]) -> Case:
    name, width = drawn["task_id"], expected["M"]
    assert name == outcomes["task_id"] == expected["task_id"]
    texts = [[canonical(read_value(value)) for value in column] for column in outcomes["values"]]
    groups = outcomes.get("loose_groups") or [None] * width
    candidates, traces, keys = [], [], []
    for k, u in enumerate(drawn["candidates"]):
        code = drawn["prompt"] + drawn["unique"][u]
        candidates.append(Candidate(name, k, None, code, code, "stop", None, None, None, 1))
        row = outcomes["rows"][u]
        cells = [
            Outcome(Status.EXCEPTION, cell) if isinstance(cell, str) else Outcome(Status.OK, texts[j][cell])
            for j, cell in enumerate(row)
        ]
        traces.append(Trace(name, k, tuple(cells)))
        keys.append([None if isinstance(c, str) else str(groups[j][c] if groups[j] else c) for j, c in enumerate(row)])
    problem = Problem(name, drawn["prompt"], "", "f", ("()",) * width, "HumanEval", "")
    return Case(Pool(problem, candidates, traces), keys, [bool(flag) for flag in expected["passed"]], expected)


def check(found: Consensus, block: dict[str, Any]) -> None:
    assert list(found.crashed) == [bool(flag) for flag in block["crashed"]]
    assert found.n_alive == block["n_alive"]
    assert [list(cluster) for cluster in found.clusters] == block["clusters"]
    np.testing.assert_allclose(found.scores, block["R"], rtol=0, atol=PRINTED)
    assert found.winner == block["winner"]
    assert losers(found)[:3] == block["losers3"]  # the reference fills up with crashed ones


def summary() -> dict[str, Any]:
    return json.loads((FOLDER / "summary.json").read_text())["codegen16b"]  # type: ignore[no-any-return]  # json


def test_the_pool_is_whole() -> None:
    assert len(cases()) == 164
    assert sum("strict" in case.expected for case in cases()) > 0
    assert {len(case.pool.candidates) for case in cases()} == {15}


def test_agreement_from_the_recorded_groups() -> None:
    for case in cases():
        check(consensus_of(case.group_keys), case.expected["loose"])


@pytest.mark.parametrize(("comparison", "block"), [(LOOSE, "loose"), (STRICT, "strict")])
def test_agreement_from_the_values_under_our_comparison(comparison: Comparison, block: str) -> None:
    for case in cases():
        differing = case.expected.get(block, {})  # other blocks list the fields that differ from loose
        check(consensus(case.pool, comparison), case.expected["loose"] | differing)


def test_metrics() -> None:
    for case in cases():
        block = case.expected["loose"]
        assert CodeSemanticEntropy(3, LOOSE)(case.pool) == pytest.approx(block["H"], abs=PRINTED)
        assert CrashRate()(case.pool) == pytest.approx(block["crash_rate"], abs=PRINTED)
        assert block["eligible"]


def one_hot(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.eye(len(texts), dtype=np.float32)


def test_naive_semantic_entropy_of_unlike_texts_is_their_entropy() -> None:
    for case in cases():
        expected = case.expected["alts"]["text entropy"]
        assert NaiveSemanticEntropy(one_hot, 0.9)(case.pool) == pytest.approx(expected, abs=1e-8)


def test_pairs_take_the_live_losers_in_order_and_each_program_once() -> None:
    pairing = ConsensusPairs(max_losers=3, crashed_fill=False)
    repeats = 0
    for case in cases():
        found = [pair.rejected_index for pair in pairing(case.pool, consensus(case.pool, LOOSE), "")]
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
    [(CodeSemanticEntropy(3, LOOSE), "code_semantic_entropy", "H"), (CrashRate(), "crash_rate", "crash_rate")],
)
def test_auc_and_correlations(metric: CodeSemanticEntropy | CrashRate, name: str, field: str) -> None:
    values = [value for case in cases() if isinstance(value := metric(case.pool), float)]
    rates = pass_rates()
    found = {"AUC": auc(values, [rate > 0 for rate in rates])} | correlations(values, rates)
    printed = summary()["loose"][name]
    assert found["AUC"] == pytest.approx(printed["AUC"], abs=0.5001e-4)
    for key in ("pearson", "spearman", "kendall"):
        coefficient, p = printed[key]
        assert found[key][0] == pytest.approx(coefficient, abs=0.5001e-4)  # type: ignore[index]  # never None here
        assert found[key][1] == pytest.approx(p, rel=0.6e-2)  # type: ignore[index]  # 3 significant digits
    recomputed(found, [case.expected["loose"][field] for case in cases()])


def recomputed(found: dict[str, Any], values: list[float]) -> None:
    """The same figures straight from the golden per-problem values, to 1e-9."""
    rates = [case.expected["pass_rate"] for case in cases()]
    assert found["AUC"] == pytest.approx(roc_auc_score([r > 0 for r in rates], [-v for v in values]), abs=1e-9)
    for key, function in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        assert found[key] == pytest.approx(tuple(function(values, rates)), abs=1e-9)


def test_golden_rate_by_tau() -> None:
    values = [CodeSemanticEntropy(3, LOOSE)(case.pool) for case in cases()]
    uncertainties = [
        Uncertainty(case.pool.problem.id, "code_semantic_entropy", value, None)
        for case, value in zip(cases(), values, strict=True)
        if isinstance(value, float)
    ]
    by_id = {case.pool.problem.id: case for case in cases()}
    passed = {name: case.passed for name, case in by_id.items()}
    for row in summary()["loose"]["tau_sweep"]:
        selection = EntropyBand(row["tau"])(uncertainties)
        assert len(selection.kept) == row["problems"]
        pairs = [pair for name in selection.kept for pair in reference_pairs(by_id[name])]
        count, rate = golden(pairs, passed)
        assert (len(pairs), count) == (row["pairs"], row["golden"])
        assert rate == pytest.approx(row["golden_rate"], abs=0.5001e-4)
        assert rate == pytest.approx(row["golden"] / row["pairs"], abs=1e-9)
    assert [selection.minimum, selection.maximum] == pytest.approx(summary()["loose"]["H_min_max"], abs=0.5001e-4)


def reference_pairs(case: Case) -> list[PreferencePair]:
    """The reference's own rule: the first three losers, crashed ones last, identical programs included."""
    found = consensus(case.pool, LOOSE)
    assert found.winner is not None
    name, scores = case.pool.problem.id, found.scores
    return [
        PreferencePair(name, "", "", "", found.winner, index, scores[found.winner], scores[index])
        for index in losers(found)[:3]
    ]


def test_winner_accuracy() -> None:
    winners = [consensus(case.pool, LOOSE).winner for case in cases()]
    right = [case.passed[w] for case, w in zip(cases(), winners, strict=True) if w is not None]
    assert sum(right) / len(cases()) == pytest.approx(summary()["loose"]["winner_acc"], abs=0.5001e-4)
    assert math.fsum(pass_rates()) / len(cases()) == pytest.approx(summary()["loose"]["random_acc"], abs=0.5001e-4)
    assert Counter(right)[True] == sum(case.expected["loose"]["winner_correct"] or 0 for case in cases())
