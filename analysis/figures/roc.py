"""Figure 6: how well each metric separates solvable from unsolvable problems."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from .. import paper
from ..pools import PoolFigures, grouped, metric_names, pools_of
from ..roc import GRID, RESAMPLES, Roc, roc, scored
from ..runs import Run
from .figure import GREY, LINES, PALETTE, Figure, missing, panels, save
from .labels import cut

_COLUMNS = 2  # each panel has a legend beside it


def curves(runs: Sequence[Run], out: Path) -> Figure:
    """Draw ROC curves per metric, with AUC and its bootstrap 95 % interval over problems; one panel per model."""
    name, caption = "figure6_roc", "ROC of each metric: solvable (pass rate above 0) against unsolvable problems."
    pools = pools_of(runs)
    found = {group: each for group, members in grouped(pools).items() if (each := _rocs(members))}
    if not found:
        return missing(name, caption, "no run has scores and verdicts of problems of both kinds at hand")
    look = _looks(list(dict.fromkeys(metric for each in found.values() for metric in each)))
    drawing, axes = panels(len(found), width=10.4, height=5.4, columns=_COLUMNS)
    for axis, (group, each) in zip(axes, found.items(), strict=True):
        _draw(axis, each, look)
        axis.set_title(f"{cut(group)} (n = {max(curve.problems for curve in each.values()):,})")
    for axis in axes[::_COLUMNS]:
        axis.set_ylabel("solvable problems found")
    seeds = sorted({len(members) for members in grouped(pools).values()})
    notes = (
        f"AUC [95 % interval: {RESAMPLES:,} bootstrap draws of problems, each with all its seeds]; curves are means "
        f"over {' or '.join(map(str, seeds))} pool(s). n: problems.",
        f"The paper draws this figure without numbers; its text gives code semantic entropy up to {paper.BEST_AUC}.",
    )
    return save(drawing, out, name, caption, notes)


def _rocs(pools: Sequence[PoolFigures]) -> dict[str, Roc]:
    each = {metric: roc([scored(pool, metric) for pool in pools]) for metric in metric_names(pools)}
    return {metric: curve for metric, curve in each.items() if curve is not None}


def _draw(axis: Axes, each: Mapping[str, Roc], look: Mapping[str, tuple[str, str]]) -> None:
    for metric, curve in sorted(each.items(), key=lambda item: -item[1].auc):
        colour, line = look[metric]
        label = f"{cut(metric)}  {curve.auc:.3f} [{curve.low:.3f}, {curve.high:.3f}]"
        axis.plot(np.append(0.0, GRID), np.append(0.0, curve.rates), color=colour, linestyle=line, label=label)
    axis.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", zorder=1)
    axis.set_aspect("equal")
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1.005)
    axis.set_xlabel("unsolvable problems taken for solvable")
    # Beside the axes: with a dozen metrics a legend inside would hide the curves, and one below would shrink them.
    axis.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), title="metric, AUC [95 % interval]")


def _looks(metrics: Sequence[str]) -> dict[str, tuple[str, str]]:
    known = [m for m in paper.CORRELATIONS[paper.BACKBONES[0]] if m in metrics]
    order = [*sorted(known, key=lambda m: m != "code_semantic_entropy"), *(m for m in metrics if m not in known)]
    return {m: (PALETTE[i % len(PALETTE)], LINES[i // len(PALETTE) % len(LINES)]) for i, m in enumerate(order)}
