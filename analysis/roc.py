"""ROC curves of a metric over the pools of several seeds, with a bootstrap over problems."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conself.records import Uncertainty
from conself.statistics.prediction import DIGITS
from conself.store.tables import read_records, read_verdicts

from .pools import PoolFigures
from .runs import artifact

RESAMPLES = 1_000
_AT_ONCE = 2_000_000  # numbers: 16 MB, however many problems there are
GRID = np.linspace(0.0, 1.0, 1001)
"""False positive rates at which curves are averaged."""

Floats = NDArray[np.float64]
Scored = Mapping[str, tuple[float, bool]]
"""Problem id -> the metric's value, and whether some candidate is right."""


@dataclass(frozen=True)
class Roc:
    """True positive rate at each of ``GRID``, and AUC with its 95 % interval; means over pools."""

    rates: Floats
    auc: float
    low: float
    high: float
    problems: int


def scored(pool: PoolFigures, metric: str) -> dict[str, tuple[float, bool]]:
    """Return the problems with a metric value and a known pass rate; empty if the artifacts are not kept."""
    for run in pool.runs:
        verdicts = artifact(run, "verify") / "verdicts.jsonl"
        label = "driver" if metric == run.results.get("driver") else metric  # it may have no other name in the run
        folder = artifact(run, f"score/{label}")
        if verdicts.is_file() and folder.is_dir():
            solvable = {verdict.problem_id: any(verdict.passed) for verdict in read_verdicts(verdicts)}
            rows = read_records(folder, Uncertainty, "uncertainty")
            return {
                row.problem_id: (round(row.value, DIGITS) + 0.0, solvable[row.problem_id])
                for row in rows
                if row.value is not None and row.problem_id in solvable
            }
    return {}


def roc(pools: Sequence[Scored]) -> Roc | None:
    """Return the mean curve and AUC over pools of the same problems; None if no pool has both classes.

    A problem is drawn with all its pools, because its values for several seeds are not independent.
    """
    usable = [pool for pool in pools if len({solvable for _, solvable in pool.values()}) == 2]
    if not usable:
        return None
    names = sorted({name for pool in usable for name in pool})
    each = [_areas(pool, names, np.ones((1, len(names))))[0] for pool in usable]
    drawn = np.stack([_resampled(pool, names) for pool in usable])
    low, high = np.percentile(drawn[:, ~np.isnan(drawn).any(axis=0)].mean(axis=0), [2.5, 97.5])
    curves = np.mean([_curve(pool) for pool in usable], axis=0)
    return Roc(curves, float(np.mean(each)), float(low), float(high), len(names))


def _curve(pool: Scored) -> Floats:
    """Return the true positive rate at ``GRID``: problems count as solvable in rising order of value, ties together."""
    values, solvable = _columns(pool, sorted(pool))
    levels, positions = np.unique(values, return_inverse=True)
    rights = np.bincount(positions, weights=solvable, minlength=len(levels)).cumsum()
    wrongs = np.bincount(positions, weights=1.0 - solvable, minlength=len(levels)).cumsum()
    found: Floats = np.interp(GRID, np.append(0.0, wrongs / wrongs[-1]), np.append(0.0, rights / rights[-1]))
    return found


def _resampled(pool: Scored, names: Sequence[str]) -> Floats:
    """Return AUC of each of ``RESAMPLES`` resamples of problems, which pools of the same problems share."""
    digest = hashlib.sha256("\n".join(names).encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest, "little"))
    size = max(1, _AT_ONCE // len(names))
    parts = []
    for first in range(0, RESAMPLES, size):
        rows = min(size, RESAMPLES - first)
        picked = generator.integers(0, len(names), (rows, len(names))) + np.arange(rows)[:, None] * len(names)
        counts = np.bincount(picked.ravel(), minlength=rows * len(names)).reshape(rows, len(names))
        parts.append(_areas(pool, names, counts.astype(np.float64)))
    return np.concatenate(parts)


def _areas(pool: Scored, names: Sequence[str], counts: Floats) -> Floats:
    """Return AUC with problems weighted by ``counts`` [draws, problems] -> [draws]; nan for a draw of one class."""
    here = np.asarray([i for i, name in enumerate(names) if name in pool])
    values, solvable = _columns(pool, [names[i] for i in here])
    order = np.argsort(values, kind="stable")
    weights, solvable, values = counts[:, here[order]], solvable[order], values[order]
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    rights = np.add.reduceat(weights * solvable, starts, axis=1)
    wrongs = np.add.reduceat(weights * (1.0 - solvable), starts, axis=1)
    above = wrongs.sum(axis=1, keepdims=True) - wrongs.cumsum(axis=1)  # unsolvable ones of a higher value
    won = (rights * (above + wrongs / 2)).sum(axis=1)
    compared = rights.sum(axis=1) * wrongs.sum(axis=1)
    found: Floats = np.divide(won, compared, out=np.full(len(won), np.nan), where=compared > 0)
    return found


def _columns(pool: Scored, names: Sequence[str]) -> tuple[Floats, Floats]:
    values = np.asarray([pool[name][0] for name in names], dtype=np.float64)
    return values, np.asarray([pool[name][1] for name in names], dtype=np.float64)
