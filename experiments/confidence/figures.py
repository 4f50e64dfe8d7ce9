"""How well probabilities hold on a pool: Brier score, calibration error and AUROC, beside a constant and R."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conself.agreement.traces import Agreement
from conself.rankings.consensus import consensus_scores
from conself.rankings.ranked import Ranking
from conself.records import Pool
from conself.statistics.calibration import abstention_curve, calibration_error
from conself.statistics.confidence import Confidence
from experiments.metric_pools.figures import RESAMPLES, interval
from experiments.metric_pools.judged import Judged

Floats = NDArray[np.float64]
COVERAGES = (0.1, 0.25, 0.5, 1.0)


def held(problems: Sequence[Judged], part: Confidence, base_rate: float, ranking: Ranking, seed: int) -> dict[str, Any]:
    """Figures over all programs of a pool, with 95 % bootstrap intervals over problems.

    Args:
        problems: of a pool that the confidence has not seen.
        part: the confidence.
        base_rate: what a constant says: the share right on the pools that the confidence was fitted on.
        ranking: whose winners answer in the abstention curve.
        seed: of the resampling.
    """
    said = [part(p.pool, p.agreed) for p in problems]
    scores = [consensus_scores(p.agreed.keys) for p in problems]
    right = [list(p.passed) for p in problems]
    draws = np.random.default_rng(seed).multinomial(
        len(problems), np.full(len(problems), 1 / len(problems)), size=RESAMPLES
    )
    weights = np.vstack([np.ones(len(problems)), draws])
    errors = {
        "confidence": _squares(said, right),
        "constant": _squares([[base_rate] * len(row) for row in right], right),
        "R": _squares(scores, right),
    }
    briers = {name: _means(rows, right, weights) for name, rows in errors.items()}
    flat, flags = [p for row in said for p in row], [flag for row in right for flag in row]
    return {
        "problems": len(problems),
        "base_rate": sum(flags) / len(flags),
        "brier": {name: interval(rows) for name, rows in briers.items()},
        "below": {name: interval(briers["confidence"] - briers[name]) for name in ("constant", "R")},
        "calibration_error": {
            "confidence": calibration_error(flat, flags),
            "R": calibration_error([score for row in scores for score in row], flags),
        },
        "auroc": {
            "confidence": interval(aurocs(said, right, weights)),
            "R": interval(aurocs(scores, right, weights)),
        },
        "abstention": _abstention(problems, said, ranking),
        "abstention_R": _abstention(problems, scores, ranking),
    }


def judged_triples(problems: Sequence[Judged]) -> list[tuple[Pool, Agreement, Sequence[bool]]]:
    """The form that a confidence is fitted on."""
    return [(p.pool, p.agreed, p.passed) for p in problems]


def _squares(said: Sequence[Sequence[float]], right: Sequence[Sequence[bool]]) -> Floats:
    """[n]: each problem's sum of squared errors."""
    pairs = zip(said, right, strict=True)
    return np.array([sum((p - r) ** 2 for p, r in zip(row, flags, strict=True)) for row, flags in pairs])


def _means(rows: Floats, right: Sequence[Sequence[bool]], weights: Floats) -> Floats:
    """[B]: the mean over programs for each resample of problems."""
    counts = np.array([len(flags) for flags in right], dtype=np.float64)
    means: Floats = (weights @ rows) / (weights @ counts)
    return means


def aurocs(said: Sequence[Sequence[float]], right: Sequence[Sequence[bool]], weights: Floats) -> Floats:
    """[B]: the chance that a right program has the higher probability than a wrong one, over all programs."""
    p = np.array([value for row in said for value in row])
    flags = np.array([flag for row in right for flag in row])
    owner = np.repeat(np.arange(len(right)), [len(row) for row in right])
    values, place = np.unique(p, return_inverse=True)
    n = len(values)
    found = []
    for row in weights:
        weight = row[owner]
        won = np.bincount(place[flags], weight[flags], n)
        lost = np.bincount(place[~flags], weight[~flags], n)
        below = np.cumsum(lost) - lost / 2
        pairs = won.sum() * lost.sum()
        found.append((won * below).sum() / pairs if pairs else math.nan)
    return np.array(found)


def _abstention(
    problems: Sequence[Judged], said: Sequence[Sequence[float]], ranking: Ranking
) -> dict[str, list[float]]:
    """Coverage -> the coverage reached and the accuracy there, by the ranking's winners."""
    winners = [ranking(p.pool, p.agreed, None).winner for p in problems]
    sure = [None if w is None else row[w] for w, row in zip(winners, said, strict=True)]
    right = [w is not None and p.passed[w] for w, p in zip(winners, problems, strict=True)]
    curve = abstention_curve(sure, right)
    reached = {share: next((p for p in curve if p.coverage >= share), curve[-1]) for share in COVERAGES}
    return {str(share): [point.coverage, point.accuracy] for share, point in reached.items()}
