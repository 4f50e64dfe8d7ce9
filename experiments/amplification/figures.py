"""What a rule of admission is worth on a pool with verdicts, beside the pool's own inputs."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conself.metrics.metric import Metric
from conself.pairings.build import pairs_of
from conself.rankings.ranked import Ranking
from conself.records import Undefined
from conself.statistics.prediction import DIGITS, correlations
from experiments.amplification.tried import Rule, Tried, under
from experiments.metric_pools.figures import PAPER, RESAMPLES, Parts, band_size, golden_figures, interval, resampled
from experiments.metric_pools.judged import Judged

Floats = NDArray[np.float64]
TAUS = (0.3, 0.6)
OWN = Rule(0, 1.0, only_splitting=False)
CEILING = "EvalPlus's inputs"


def pool_figures(
    problems: Sequence[Tried], rules: Sequence[Rule], parts: Parts, seed: int, ceiling: Sequence[Judged] = ()
) -> dict[str, Any]:
    """By rule: inputs and clusters per problem, and each figure with its paired difference to that on own inputs.

    ``ceiling`` holds the same problems after a run on inputs that others have chosen. Intervals are 95 % percentile
    bootstrap intervals over problems, the same resamples for all rules.

    Raises:
        ValueError: the ceiling is of other problems.
    """
    n = len(problems)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    weights = np.vstack([np.ones(n), draws])  # the first row is the data itself
    own, _ = under(problems, OWN)
    counts = _counts(own, parts)
    found: dict[str, Any] = {"problems": n, "pairs": counts, "bounds": _bounds(own)}
    variants = {rule.name: under(problems, rule)[0] for rule in rules}
    if ceiling:
        variants[CEILING] = _aligned(ceiling, own)
    for name, judged in variants.items():
        found[name] = {
            "inputs": sum(len(problem.agreed.keys[0]) for problem in judged) / n,
            "clusters": sum(len(problem.agreed.clusters) for problem in judged) / n,
            "metrics": {name: _foretelling(metric, own, judged, weights) for name, metric in parts.metrics.items()},
            "winners": {name: _winners(ranking, own, judged, weights) for name, ranking in parts.rankings.items()},
            "golden": _golden(judged, parts, list(counts.values())),
        }
    return found


def _aligned(ceiling: Sequence[Judged], own: Sequence[Judged]) -> list[Judged]:
    """The problems of a ceiling in the order of the pool's, under the pool's verdicts."""
    runs = {problem.pool.problem.id: problem for problem in ceiling}
    lacking = [problem.pool.problem.id for problem in own if problem.pool.problem.id not in runs]
    if lacking:
        raise ValueError(f"the ceiling lacks {len(lacking)} problems of the pool, {lacking[0]} for one")
    return [replace(runs[problem.pool.problem.id], passed=problem.passed) for problem in own]


def quick_figures(problems: Sequence[Tried], rule: Rule, parts: Parts) -> tuple[float, float]:
    """By what rules are compared where one is chosen, without intervals.

    Returns:
        The share of problems whose winner is right, and Spearman's correlation of the paper's metric, signed so
        that more is better.
    """
    judged, _ = under(problems, rule)
    right = sum(_right(parts.ranking, problem) for problem in judged) / len(judged)
    values, rates = _values(parts.metrics[PAPER], judged), np.array([problem.rate for problem in judged])
    kept = np.isfinite(values)
    spearman = correlations(values[kept].tolist(), rates[kept].tolist())["spearman"]
    return right, math.nan if spearman is None else -spearman[0]


def _values(metric: Metric, problems: Sequence[Judged]) -> Floats:
    values = [metric(p.pool, p.agreed) for p in problems]
    return np.array([math.nan if isinstance(v, Undefined) else round(v, DIGITS) for v in values])


def _foretelling(metric: Metric, own: Sequence[Judged], judged: Sequence[Judged], weights: Floats) -> dict[str, Any]:
    """AUC and Spearman on the problems where the metric is defined on own inputs and on all."""
    before, after = _values(metric, own), _values(metric, judged)
    kept = np.isfinite(before) & np.isfinite(after)
    rates = np.array([p.rate for p in own])[kept]
    one, other = (resampled(-values[kept], rates, weights[:, kept]) for values in (before, after))
    return {
        "n": int(kept.sum()),
        **{figure: interval(other[figure]) for figure in ("auc", "spearman")},
        "ahead": {figure: interval(other[figure] - one[figure]) for figure in ("auc", "spearman")},
    }


def _winners(ranking: Ranking, own: Sequence[Judged], judged: Sequence[Judged], weights: Floats) -> dict[str, Any]:
    """The share of problems whose winner is right."""
    one, other = (np.array([_right(ranking, problem) for problem in pool]) for pool in (own, judged))
    shares = weights / weights.sum(axis=1, keepdims=True)
    return {"accuracy": interval(shares @ other), "ahead": interval(shares @ (other - one))}


def _right(ranking: Ranking, problem: Judged) -> float:
    winner = ranking(problem.pool, problem.agreed, None).winner
    return 0.0 if winner is None else float(problem.passed[winner])


def _bounds(problems: Sequence[Judged]) -> dict[str, float]:
    """A candidate at random, and a perfect choice."""
    return {
        "random": sum(problem.rate for problem in problems) / len(problems),
        "any": sum(any(problem.passed) for problem in problems) / len(problems),
    }


def _counts(own: Sequence[Judged], parts: Parts) -> dict[str, int]:
    """How many pairs the paper's metric keeps on own inputs, by tau: all rules are compared at as many."""
    values, paired = _values(parts.metrics[PAPER], own), _paired(own, parts)
    return {str(tau): band_size(values, paired, tau) for tau in TAUS}


def _paired(problems: Sequence[Judged], parts: Parts) -> list[Any]:
    return [pairs_of(p.pool, p.agreed, parts.ranking, parts.pairing).pairs for p in problems]


def _golden(problems: Sequence[Judged], parts: Parts, counts: Sequence[int]) -> dict[str, dict[str, float | None]]:
    values = {name: _values(metric, problems) for name, metric in parts.metrics.items()}
    return golden_figures(values, problems, _paired(problems, parts), counts)
