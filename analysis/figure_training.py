"""Curves of training, the histogram of uncertainty, and rounds."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from analysis.figure import GREEN, GREY, VERMILION, Figure, below, colours, lines, missing, panels, percent, save
from analysis.measures import benchmarks_of, groups, pass_at_1, seeds_note
from analysis.pools import PoolFigures, grouped, pools_of
from analysis.roc import scored
from analysis.runs import Run, artifact
from analysis.spread import spread

_CURVES = {"loss": "loss", "margin": "reward margin", "accuracy": "winner ahead of loser"}
_SHARE = 20  # a curve is smoothed over one part in so many of its steps


def training(runs: Sequence[Run], out: Path) -> Figure:
    """Loss, reward margin and reward accuracy by step; mean over seeds, and the standard deviation around it."""
    name, caption = "training_curves", "Training: loss, reward margin and accuracy by step."
    found = {group[0].label: rows for _, _, group in groups(runs) if (rows := _steps(group))}
    drawn = [key for key in _CURVES if any(key in row for rows in found.values() for run in rows for row in run)]
    if not drawn:
        return missing(name, caption, "no run has kept the steps of a training")
    look, line = colours(list(found)), lines(list(found))
    drawing, axes = panels(len(drawn), width=5.4)
    for axis, key in zip(axes, drawn, strict=True):
        for label, each in found.items():
            mean, sd = _mean(each, key)
            if len(mean):
                at = np.arange(1, len(mean) + 1)
                axis.plot(at, mean, color=look[label], linestyle=line[label], label=label)
                low, high = mean - sd, mean + sd
                if key == "accuracy":  # a share: the band ends where it does
                    low, high = low.clip(0, 1), high.clip(0, 1)
                axis.fill_between(at, low, high, color=look[label], alpha=0.15, linewidth=0)
        axis.set_title(_CURVES[key])
        axis.set_xlabel("step")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    if drawn[-1] == "accuracy":
        percent(axes[-1].yaxis)
    below(drawing, axes[0])
    notes = (
        f"Running means over a {_SHARE}th of the steps; the band is the standard deviation between seeds.",
        "Losses of different methods are on different scales: Con-DPO weighs each pair by its winner's consensus.",
        seeds_note(runs),
    )
    return save(drawing, out, name, caption, notes)


def _steps(group: Sequence[Run]) -> list[list[dict[str, float]]]:
    """The rows of each run's last fit, one per step."""
    paths = [artifact(run, "fit", len(run.rounds)) / "steps.json" for run in group]
    found: list[Any] = [json.loads(path.read_text()) for path in paths if path.is_file()]
    return [rows for rows in found if rows]


def _mean(each: Sequence[Sequence[dict[str, float]]], key: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation over runs of the smoothed curves, as far as the shortest goes."""
    curves = [_smooth([row[key] for row in rows]) for rows in each if key in rows[0]]
    length = min((len(curve) for curve in curves), default=0)
    if not length:
        return np.zeros(0), np.zeros(0)
    stacked = np.stack([curve[:length] for curve in curves])
    return stacked.mean(axis=0), stacked.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros(length)


def _smooth(values: Sequence[float]) -> NDArray[np.float64]:
    """The mean of each value and those before it, over a window of one part in ``_SHARE`` of all."""
    window = max(1, len(values) // _SHARE)
    sums = np.append(0.0, np.cumsum(np.asarray(values, dtype=np.float64)))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    found: NDArray[np.float64] = (sums[ends] - sums[starts]) / (ends - starts)
    return found


def histogram(runs: Sequence[Run], out: Path) -> Figure:
    """How uncertain the problems are, by the metric that drives the curriculum, solvable ones apart from the others."""
    name, caption = "uncertainty_histogram", "Problems by uncertainty (normalised), solvable and unsolvable ones."
    found = {group: values for group, pools in grouped(pools_of(runs)).items() if any(values := _normalised(pools))}
    if not found:
        return missing(name, caption, "no run has kept scores and verdicts")
    drawing, axes = panels(len(found))
    for axis, (group, (solvable, unsolvable)) in zip(axes, found.items(), strict=True):
        bins = np.linspace(0, 1, 26)
        axis.hist(
            [solvable, unsolvable],
            bins=list(bins),
            stacked=True,
            color=[GREEN, VERMILION],
            label=["solvable", "unsolvable"],
        )
        taus = {run.results["tau"] for run in runs if run.method == "conself" and run.results.get("tau") is not None}
        for tau in sorted(taus) if len(taus) <= 2 else ():
            axis.axvline(tau, color=GREY, linestyle="--", label=f"tau = {tau:g}")
        axis.set_title(group)
        axis.set_xlabel("H_norm")
        axis.legend()
    axes[0].set_ylabel("problems, all seeds")
    notes = ("Problems whose metric is defined and whose oracle is known; solvable: some candidate is right.",)
    return save(drawing, out, name, caption, notes)


def _normalised(pools: Sequence[PoolFigures]) -> tuple[list[float], list[float]]:
    """Min-max normalised values, pool by pool, of the solvable and of the unsolvable problems."""
    both: tuple[list[float], list[float]] = ([], [])
    for pool in pools:
        rows = scored(pool, "driver") or scored(pool, "code_semantic_entropy")
        low, high = min((v for v, _ in rows.values()), default=0.0), max((v for v, _ in rows.values()), default=0.0)
        for value, solvable in rows.values():
            both[not solvable].append((value - low) / (high - low) if high > low else 0.0)
    return both


def rounds(runs: Sequence[Run], out: Path) -> Figure:
    """pass@1 and golden rate, round by round."""
    name, caption = "rounds", "Rounds: pass@1 after each one, and the golden rate of the pairs it learned from."
    several = [run for run in runs if run.results.get("rounds")]
    if not several:
        return missing(name, caption, "no run has more than one round; add rounds=3")
    names = benchmarks_of(several)[:3]
    drawing, axes = panels(len(names) + 1, width=5.4)
    found = groups(several)
    look = colours([group[0].label for _, _, group in found])
    for _, _, group in found:
        label = group[0].label
        last = max(len(run.rounds) for run in group)
        for axis, benchmark in zip(axes, names, strict=False):
            values = [spread(_after(run, benchmark, number) for run in group) for number in range(last + 1)]
            at = [number for number, value in enumerate(values) if value]
            means = [value for value in values if value]
            axis.errorbar(
                at, [m.mean for m in means], yerr=[m.sd or 0 for m in means], fmt="o-", color=look[label], label=label
            )
            axis.set_title(benchmark)
            axis.set_ylabel("pass@1")
        golden = [spread(r.rounds[i].get("golden_rate") for r in group if len(r.rounds) > i) for i in range(last)]
        kept = [(i + 1, value) for i, value in enumerate(golden) if value]
        sds = [m.sd or 0 for _, m in kept]
        axes[-1].errorbar(
            [i for i, _ in kept], [m.mean for _, m in kept], yerr=sds, fmt="o-", color=look[label], label=label
        )
    axes[-1].set_ylabel("golden rate")
    for axis in axes:
        axis.set_xlabel("round")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        percent(axis.yaxis)
    below(drawing, axes[0])
    return save(drawing, out, name, caption, (seeds_note(several), "Round 0 is the base model."))


def _after(run: Run, benchmark: str, number: int) -> float | None:
    """pass@1 after so many rounds; 0: of the base model."""
    if number == 0:
        return pass_at_1(run, benchmark, "base")
    if number > len(run.rounds):
        return None
    entry = (run.rounds[number - 1].get("benchmarks") or {}).get(benchmark, {})
    value = entry.get("tuned", {}).get("pass@1")
    return None if value is None else float(value)
