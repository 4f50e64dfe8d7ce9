"""Table 2 (correlations and AUC), golden rates by metric and tau, and how often each selector is right."""

from collections.abc import Mapping, Sequence
from typing import Any

from .. import paper
from ..pools import PoolFigures, grouped, metric_names, pools_of
from ..runs import Run
from ..spread import Spread, flat, spread
from .table import Cell, Head, Table, missing, table_of

_COEFFICIENTS = ("pearson", "spearman", "kendall")
_POOLS = "A pool is counted once, however many methods learned from it; of several rounds the first one counts."


def correlations(runs: Sequence[Run]) -> Table:
    """Return Table 2: each metric's correlations with the pass rate, and how well it separates solvable problems."""
    name, caption = (
        "table2_metrics",
        "Uncertainty metrics: correlation with the pass rate, and AUC of solvable problems.",
    )
    pools = [pool for pool in pools_of(runs) if any(row.get("n") for row in pool.metrics.values())]
    if not pools:
        return missing(name, caption, "no run knows which candidates are right (the data set gives no oracle)")
    heads: list[Head] = [("model", ""), ("metric", ""), ("pools", "d"), ("n", "d"), ("AUC", ".3f")]
    heads += [(head, form) for c in _COEFFICIENTS for head, form in ((c.title(), ".3f"), (f"p ({c.title()})", "p"))]
    rows = [_correlated(group, metric, found) for group, metric, found in _by_metric(pools)]
    rows += [_printed(backbone, metric) for backbone in paper.BACKBONES for metric in paper.CORRELATIONS[backbone]]
    notes = (
        "n: problems on which the metric is defined and the pass rate known. AUC: of solvable (pass rate above 0) "
        "against unsolvable problems, with the metric's negative as score.",
        _spread_note(pools) + " p is the largest of the pools'. " + _POOLS,
        "The paper's coefficients are of nearly 20,000 problems of TACO, as its text says; several of its printed "
        f"p-values do not fit that n. It gives AUC only as up to {paper.BEST_AUC} for code semantic entropy.",
    )
    return table_of(name, caption, heads, rows, notes)


def golden_rates(runs: Sequence[Run]) -> Table:
    """Return each metric's AUC and the golden rate of the pairs that its band keeps, by tau."""
    name, caption = "metrics_by_tau", "Golden rate of the pairs of the problems that each metric's band keeps, by tau."
    pools = [pool for pool in pools_of(runs) if pool.golden_by_tau]
    if not pools:
        return missing(name, caption, "no run has golden rates by tau (they need pairs, and oracles of the data set)")
    taus = sorted({row["tau"] for pool in pools for rows in pool.golden_by_tau.values() for row in rows})
    heads: list[Head] = [("model", ""), ("metric", ""), ("pools", "d"), ("AUC", ".3f")]
    heads += [*((f"tau {tau:g}", ".1%") for tau in taus), ("pairs at tau 1", "d")]
    rows: list[tuple[Cell, ...]] = []
    for group, metric, found in _by_metric(pools):
        each = [{row["tau"]: row for row in pool.golden_by_tau.get(metric, ())} for pool in found]
        rates = [spread(at[tau]["golden_rate"] for at in each if tau in at) for tau in taus]
        pairs = spread(at[1.0]["pairs"] for at in each if 1.0 in at)
        rows.append((group, metric, len(found), _value(found, metric, "auc"), *rates, pairs))
    notes = (
        "Golden: the winner is right and the loser wrong. A dash: that band keeps no pair; a rate without ± is of one "
        "pool. " + _spread_note(pools),
        "The paper (code semantic entropy, DeepSeek-Coder-6.7B): about "
        f"{paper.GOLDEN_RATE[1.0]:.0%} at tau 1.0, above {paper.GOLDEN_RATE[0.1]:.0%} at tau 0.1.",
        _POOLS,
    )
    return table_of(name, caption, heads, rows, notes)


def selectors(runs: Sequence[Run]) -> Table:
    """Return how often each way to choose one candidate of a problem chooses a right one."""
    name, caption = "selectors", "Ways to choose one candidate: share of problems whose choice is right."
    pools = [pool for pool in pools_of(runs) if pool.selectors]
    if not pools:
        return missing(name, caption, "no run has figures of selectors (they need oracles of the data set)")
    rows: list[tuple[Cell, ...]] = []
    for group, found in grouped(pools).items():
        for selector in dict.fromkeys(key for pool in found for key in pool.selectors):
            each = [pool.selectors[selector] for pool in found if selector in pool.selectors]
            accuracy = spread(row["accuracy"] for row in each)
            rows.append((group, selector, len(each), flat(spread(row["n"] for row in each)), accuracy))
    rows.sort(key=lambda row: (str(row[0]), -(row[4].mean if isinstance(row[4], Spread) else 0.0)))
    notes = ("n: problems whose oracle is known and that have what the selector reads. " + _spread_note(pools), _POOLS)
    heads = (("model", ""), ("selector", ""), ("pools", "d"), ("n", "d"), ("accuracy", ".1%"))
    return table_of(name, caption, heads, rows, notes)


def _by_metric(pools: Sequence[PoolFigures]) -> list[tuple[str, str, list[PoolFigures]]]:
    """Return (group, metric, its pools), the metrics of the paper's table first."""
    known = list(paper.CORRELATIONS[paper.BACKBONES[0]])
    names = sorted(metric_names(pools), key=lambda name: known.index(name) if name in known else len(known))
    found = [
        (group, name, [pool for pool in members if name in pool.metrics])
        for group, members in grouped(pools).items()
        for name in names
    ]
    return [item for item in found if item[2]]


def _correlated(group: str, metric: str, pools: Sequence[PoolFigures]) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    for coefficient in _COEFFICIENTS:
        known = [pool.metrics[metric][coefficient] for pool in pools if pool.metrics[metric].get(coefficient)]
        cells += [spread(value for value, _ in known), max((p for _, p in known), default=None)]
    n, auc = flat(_value(pools, metric, "n")), _value(pools, metric, "auc")
    return (group, metric, len(pools), n, auc, *cells)


def _printed(backbone: str, metric: str) -> tuple[Cell, ...]:
    both = zip(paper.CORRELATIONS[backbone][metric], paper.CORRELATION_P[backbone][metric], strict=True)
    cells = [cell for value, p in both for cell in (value, p)]
    return (f"paper: {backbone}", metric, 1, None, None, *cells)


def _value(pools: Sequence[PoolFigures], metric: str, key: str) -> Spread | None:
    rows: list[Mapping[str, Any]] = [pool.metrics[metric] for pool in pools if metric in pool.metrics]
    return spread(row.get(key) for row in rows)


def _spread_note(pools: Sequence[PoolFigures]) -> str:
    counts = sorted({len(found) for found in grouped(pools).values()})
    text = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    several = "; ± is the sample standard deviation between them" if counts[-1] > 1 else ""
    return f"Pools (seeds) per row: {text}{several}."
