"""The figures of :mod:`experiments.metric_pools.run` as markdown."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.metric_pools.figures import FIGURES, PAPER

Figures = Mapping[str, Any]
_TAKEN = ("n", "of", "solvable")


def markdown(found: Mapping[str, Figures]) -> str:
    """Per pool: metrics, golden rates, selectors, parts; then what choosing on other pools would have given."""
    lines: list[str] = []
    for name, pool in found.items():
        lines += [f"## {name}", "", *_metrics(pool["metrics"]), "", *_golden(pool), "", *_selectors(pool), ""]
        for part, figures in pool["parts"].items():
            lines += [f"### {name}: {part}", "", *_metrics(figures), ""]
    return "\n".join([*lines, "## Chosen on other pools", "", *_transfer(found), ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(*cells: str) -> list[str]:
    return [_row(cells), _row(["---"] * len(cells))]


def _cell(value: Sequence[float], signed: bool) -> str:
    point, low, high = value
    if math.isnan(point):
        return "-"
    form = "+.3f" if signed else ".3f"
    mark = "**" if signed and (low > 0 or high < 0) else ""
    return f"{mark}{point:{form}}{mark} ({low:{form}} ... {high:{form}})"


def _metrics(figures: Figures) -> list[str]:
    share = f"{figures['n']} of {figures['of']} problems, on which all are defined; {figures['solvable']:.2f} solvable."
    rows = [name for name in figures if name not in _TAKEN]
    rows.sort(key=lambda name: -figures[name]["spearman"][0])
    lines = [share, "", *_head("metric", *[f.capitalize() if f != "auc" else "AUC" for f in FIGURES])]
    lines += [_row([name, *[_cell(figures[name][f], False) for f in FIGURES]]) for name in rows]
    lines += ["", f"Ahead of {PAPER} by (95 % interval of the paired difference; bold: without 0):", ""]
    lines += _head("metric", *[f.capitalize() if f != "auc" else "AUC" for f in FIGURES])
    others = [name for name in rows if name != PAPER]
    return lines + [_row([name, *[_cell(figures[name]["ahead"][f], True) for f in FIGURES]]) for name in others]


def _golden(pool: Figures) -> list[str]:
    counts = pool["pairs"]
    lines = _head("golden rate of as many pairs", *[f"tau {tau}: {n}" for tau, n in counts.items()])
    for name, rates in sorted(pool["golden"].items()):
        cells = ["-" if (rate := rates[str(n)]) is None else f"{rate:.3f}" for n in counts.values()]
        lines.append(_row([name, *cells]))
    return lines


def _selectors(pool: Figures) -> list[str]:
    lines = _head("selector", "accuracy", "ahead of consensus")
    for name, row in sorted(pool["selectors"].items(), key=lambda item: -item[1]["accuracy"][0]):
        lines.append(_row([name, _cell(row["accuracy"], False), _cell(row["ahead"], True)]))
    return lines


def _transfer(found: Mapping[str, Figures]) -> list[str]:
    """For each pool the metric that is best on the pools of the other kind, and how it does here."""
    kinds = {name: name.split(",")[0] for name in found}
    lines = _head("pool", "figure", "best metric on the pools of the other kind", f"here ahead of {PAPER} by")
    for name, pool in found.items():
        others = [found[other]["metrics"] for other in found if kinds[other] != kinds[name]]
        if not others:
            continue
        common = set.intersection(*[set(o) for o in [*others, pool["metrics"]]]) - set(_TAKEN)
        for figure in FIGURES:
            best = max(sorted(common), key=lambda m: sum(o[m][figure][0] for o in others))
            lines.append(_row([name, figure, best, _cell(pool["metrics"][best]["ahead"][figure], True)]))
    return lines
