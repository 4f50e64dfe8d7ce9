"""What metrics and selectors are worth on a pool: figures with bootstrap intervals, and differences to the paper's."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conself.metrics.metric import Metric
from conself.pairings.build import IndexPair, Pairing
from conself.rankings.ranked import Ranking
from conself.records import Undefined
from conself.statistics.prediction import DIGITS
from experiments.metric_pools.judged import Judged

Floats = NDArray[np.float64]

PAPER = "code_semantic_entropy"
RESAMPLES = 2000
FIGURES = ("auc", "pearson", "spearman", "kendall")
"""All with the sign that makes more better: of -metric against solvable, or against the pass rate."""


@dataclass(frozen=True)
class Parts:
    """The metrics and rankings that are compared, and what makes pairs."""

    metrics: Mapping[str, Metric]
    rankings: Mapping[str, Ranking]
    ranking: Ranking
    pairing: Pairing


def values_of(metrics: Mapping[str, Metric], problems: Sequence[Judged]) -> dict[str, Floats]:
    """Metric -> [n] values, nan where undefined; without the metrics that this pool gives next to nothing for."""
    found = {}
    for name, metric in metrics.items():
        values = [metric(p.pool, p.agreed) for p in problems]
        row = np.array([math.nan if isinstance(v, Undefined) else round(v, DIGITS) for v in values])
        if np.isfinite(row).mean() > 0.5:
            found[name] = row
    return found


def metric_figures(values: Mapping[str, Floats], problems: Sequence[Judged], seed: int) -> dict[str, Any]:
    """Each metric on the problems where all are defined: figures, intervals, and differences to the paper's metric.

    Intervals are 95 % percentile bootstrap intervals over problems; every resample is the same for all metrics, so that
    differences are paired.
    """
    kept = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    rates = np.array([p.rate for p in problems])[kept]
    n = len(rates)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    weights = np.vstack([np.ones(n), draws])  # the first row is the data itself
    table = {name: resampled(-row[kept], rates, weights) for name, row in values.items()}
    found: dict[str, Any] = {"n": n, "of": len(problems), "solvable": float((rates > 0).mean())}
    for name, rows in table.items():
        found[name] = {
            "defined": int(np.isfinite(values[name]).sum()),
            **{figure: interval(rows[figure]) for figure in FIGURES},
            "ahead": {figure: interval(rows[figure] - table[PAPER][figure]) for figure in FIGURES},
        }
    return found


def resampled(certainty: Floats, rates: Floats, weights: Floats) -> dict[str, Floats]:
    """AUC, Pearson, Spearman and Kendall (tau-b) for each of B resamples; nan where there is no telling.

    Args:
        certainty: [n].
        rates: [n] pass rates.
        weights: [B, n], how often each problem is in each resample.
    """
    x, y = (np.sign(row[:, None] - row[None, :]) for row in (certainty, rates))
    pairs = [((weights @ matrix) * weights).sum(axis=1) for matrix in (x * y, x * x, y * y)]
    solved, unsolved = weights * (rates > 0), weights * (rates == 0)
    wins = ((unsolved @ ((x.T + 1) / 2)) * solved).sum(axis=1)  # Mann and Whitney's U: solved above unsolved
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "auc": wins / (solved.sum(axis=1) * unsolved.sum(axis=1)),
            "pearson": _correlation(certainty[None, :], rates[None, :], weights),
            "spearman": _correlation(weights @ x.T, weights @ y.T, weights),  # ranks, but for scale and origin
            "kendall": pairs[0] / np.sqrt(pairs[1] * pairs[2]),
        }


def _correlation(x: Floats, y: Floats, weights: Floats) -> Floats:
    total = weights.sum(axis=1, keepdims=True)
    x, y = (row - (weights * row).sum(axis=1, keepdims=True) / total for row in (x, y))
    found: Floats = (weights * x * y).sum(axis=1) / np.sqrt(
        (weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1)
    )
    return found


def interval(rows: Floats) -> list[float]:
    """The first of the rows, which is the data itself, and the interval that the others span."""
    drawn = rows[1:][np.isfinite(rows[1:])]
    edges = np.percentile(drawn, [2.5, 97.5]) if drawn.size else (math.nan, math.nan)
    return [float(rows[0]), float(edges[0]), float(edges[1])]


def golden_figures(
    values: Mapping[str, Floats],
    problems: Sequence[Judged],
    paired: Sequence[Sequence[IndexPair]],
    counts: Sequence[int],
) -> dict[str, Any]:
    """Golden rate of the first so many pairs, lowest uncertainty first: metric -> {count: rate or None for too few}.

    Problems that the metric calls certain (its least value, if that is 0) stay out, as they do of the paper's band.
    """
    pairs = [
        [p.passed[winner] and not p.passed[loser] for winner, loser in found if loser is not None]
        for p, found in zip(problems, paired, strict=True)
    ]
    found = {}
    for name, row in values.items():
        order = sorted((v, problems[i].pool.problem.id, i) for i, v in enumerate(row) if math.isfinite(v) and v > 0)
        flat = [golden for _, _, i in order for golden in pairs[i]]
        found[name] = {str(n): sum(flat[:n]) / n if 0 < n <= len(flat) else None for n in counts}
    return found


def band_size(values: Floats, paired: Sequence[Sequence[IndexPair]], tau: float) -> int:
    """How many pairs the band 0 < H_norm < tau gives."""
    least, most = np.nanmin(values), np.nanmax(values)
    scaled = (values - least) / (most - least) if most > least else np.zeros_like(values)
    kept = (values > 0) & (scaled > 0) & (scaled < tau)
    return sum(len(found) for found, inside in zip(paired, kept, strict=True) if inside)


def selector_figures(problems: Sequence[Judged], rankings: Mapping[str, Ranking], seed: int) -> dict[str, Any]:
    """Share of problems whose winner is right, with its interval, and how far that is ahead of consensus.

    Rankings that this pool gives nothing for (it has no likelihoods, say) are left out.
    """
    ranked = {name: [ranking(p.pool, p.agreed, None) for p in problems] for name, ranking in rankings.items()}
    right = {
        name: np.array([_right(p, each.winner) for p, each in zip(problems, found, strict=True)])
        for name, found in ranked.items()
        if any(each.applies for each in found)
    }
    right |= {"random": np.array([p.rate for p in problems]), "any": np.array([float(any(p.passed)) for p in problems])}
    n = len(problems)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    weights = np.vstack([np.ones(n), draws]) / n
    return {
        name: {"accuracy": interval(weights @ row), "ahead": interval(weights @ (row - right["consensus"]))}
        for name, row in right.items()
    }


def _right(problem: Judged, index: int | None) -> float:
    return 0.0 if index is None else float(problem.passed[index])
