"""Figure 7: the effect of the threshold tau on the model, and on its training pairs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import paper
from ..measures import groups, improvement, problems_note, shared_benchmarks, trained
from ..pools import PoolFigures, grouped, pools_of
from ..runs import Run
from ..spread import Spread, spread
from .figure import GREY, PAPER, SKY, VERMILION, Figure, missing, panels, percent, save, thin
from .labels import colours, cut


def improvements(runs: Sequence[Run], out: Path) -> Figure:
    """Draw Figure 7a: relative improvement over the base model against tau, mean and deviation over seeds."""
    name, caption = "figure7a_tau", "Relative improvement over the base model against the threshold tau."
    swept = [run for run in trained(runs) if run.method == "conself" and run.results.get("tau") is not None]
    curves = {name: _curve(each) for name, each in _alike(swept).items()}
    curves = {name: curve for name, curve in curves.items() if len(curve) > 1}
    if not curves:
        return missing(name, caption, "a sweep of conself over tau is needed; add -m tau=0.1,0.3,0.55,1.0")
    drawing, (axis,) = panels(1)
    for which, colour in colours(list(curves)).items():
        taus, means = list(curves[which]), list(curves[which].values())
        axis.errorbar(
            taus, [m.mean for m in means], yerr=[m.sd or 0 for m in means], fmt="o-", color=colour, label=cut(which)
        )
    axis.axhline(0, color=GREY, linewidth=1)
    axis.axvline(paper.BEST_TAU, color=PAPER, linestyle=":", label="paper's best: tau 0.3, +2.73%")
    axis.set_xlabel("tau (problems with 0 < H_norm < tau are kept)")
    axis.set_ylabel("relative improvement")
    percent(axis.yaxis)
    axis.legend()
    seeds = sorted({m.n for curve in curves.values() for m in curve.values()})
    notes = (
        f"Seeds per point: {' or '.join(map(str, seeds))}; bars are the sample standard deviation between them.",
        problems_note(swept),
        f"The paper (DeepSeek-Coder-6.7B, TACO): best at tau {paper.BEST_TAU}, +2.73 % over the base.",
    )
    return save(drawing, out, name, caption, notes)


def golden(runs: Sequence[Run], out: Path) -> Figure:
    """Draw Figure 7b: golden pairs (bars) and golden rate (line) of the pairs that each tau keeps."""
    name, caption = "figure7b_golden", "Golden pairs (bars) and golden rate (line) among the pairs that each tau keeps."
    found = {group: (_metric(members), members) for group, members in grouped(pools_of(runs)).items()}
    found = {group: (metric, members) for group, (metric, members) in found.items() if metric}
    if not found:
        return missing(name, caption, "no run has golden rates by tau (they need pairs, and oracles of the data set)")
    drawing, axes = panels(len(found))
    for axis, (group, (metric, members)) in zip(axes, found.items(), strict=True):
        counts, rates = (_by_tau(members, metric, key) for key in ("golden", "golden_rate"))
        known = list(counts)
        axis.bar(known, [counts[tau].mean for tau in known], width=0.06, color=SKY, label="golden pairs")
        thin(axis, known, [counts[tau] for tau in known])
        axis.set_xticks(known)
        axis.set_xlabel(f"tau ({metric})")
        axis.set_ylabel("golden pairs")
        axis.set_title(cut(group))
        right = axis.twinx()
        right.spines["right"].set_visible(True)
        right.grid(visible=False)
        taus, means = list(rates), list(rates.values())
        spreads = [m.sd or 0 for m in means]
        right.errorbar(taus, [m.mean for m in means], yerr=spreads, fmt="o-", color=VERMILION, label="golden rate")
        printed = paper.GOLDEN_RATE
        right.plot(
            list(printed),
            list(printed.values()),
            "D",
            color=PAPER,
            fillstyle="none",
            label="golden rate, paper (about)",
        )
        right.set_ylim(0, 1)
        right.set_ylabel("golden rate")
        percent(right.yaxis)
        handles = [*axis.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
        right.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
    seeds = sorted({len(members) for _, members in found.values()})
    notes = (
        f"Means over {' or '.join(map(str, seeds))} pool(s) (seeds); error bars are their sample standard deviation.",
        "The paper (DeepSeek-Coder-6.7B, TACO): about 15 % at tau 1.0, above 60 % at tau 0.1 (diamonds).",
    )
    return save(drawing, out, name, caption, notes)


def _alike(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Return model and label without tau -> its runs: only runs that differ in tau alone share a curve."""
    found: dict[str, list[Run]] = {}
    for model, label, group in groups(runs):
        words = [word for word in label.split(" ")[1:] if not word.startswith("tau=")]
        found.setdefault(" ".join([model, *words]), []).extend(group)
    return found


def _curve(runs: Sequence[Run]) -> dict[float, Spread]:
    """Return relative improvement over seeds by tau, for one model's runs, on the benchmarks that all of them have."""
    benchmarks = shared_benchmarks(runs)
    taus = sorted({float(run.results["tau"]) for run in runs})
    each = {tau: spread(improvement(run, benchmarks) for run in runs if run.results["tau"] == tau) for tau in taus}
    return {tau: found for tau, found in each.items() if found is not None} if benchmarks else {}


def _metric(pools: Sequence[PoolFigures]) -> str:
    """Return the metric whose band is drawn: ConSelf's curriculum metric if the runs report it, else the first."""
    known = list(dict.fromkeys(metric for pool in pools for metric in pool.golden_by_tau))
    drivers = [name for pool in pools for run in pool.runs if (name := run.results.get("driver", run.metric)) in known]
    return next(iter([*drivers, *known]), "")


def _by_tau(pools: Sequence[PoolFigures], metric: str, key: str) -> dict[float, Spread]:
    rows: list[Mapping[str, Any]] = [row for pool in pools for row in pool.golden_by_tau.get(metric, ())]
    taus = sorted({float(row["tau"]) for row in rows})
    each = {tau: spread(row[key] for row in rows if row["tau"] == tau) for tau in taus}
    return {tau: found for tau, found in each.items() if found is not None}
