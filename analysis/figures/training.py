"""Training curves, the histogram of uncertainty, and rounds."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from conself.records import Uncertainty
from conself.statistics.prediction import DIGITS
from conself.store.tables import read_records

from ..measures import benchmarks_of, groups, pass_at_1, seeds_note
from ..pools import PoolFigures, grouped, pools_of
from ..roc import scored
from ..runs import Run, artifact, read_json
from ..spread import Spread, spread
from .figure import COLUMNS, GREEN, GREY, VERMILION, Figure, below, missing, panels, percent, save
from .labels import colours, cut, lines, names

_CURVES = {"loss": "loss", "margin": "reward margin", "accuracy": "winner ahead of loser"}
_METRICS = ("driver", "code_semantic_entropy")  # of the first that a run has kept, the uncertainty is drawn
_SHARE = 20  # a curve is smoothed over 1 / _SHARE of its steps


def training(runs: Sequence[Run], out: Path) -> Figure:
    """Draw loss, reward margin and reward accuracy by step: mean and standard deviation over seeds."""
    name, caption = "training_curves", "Training: loss, reward margin and accuracy by step."
    found = [(model, label, rows) for model, label, group in groups(runs) if (rows := _steps(group))]
    drawn = [key for key in _CURVES if any(key in row for _, _, each in found for run in each for row in run)]
    if not drawn:
        return missing(name, caption, "no run has the steps of a training at hand")
    labels = list(dict.fromkeys(label for _, label, _ in found))
    look, line, called = colours(labels), lines(labels), names(labels)
    models = list(dict.fromkeys(model for model, _, _ in found))
    drawing, axes = panels(len(models) * len(drawn), width=5.4, columns=len(drawn))
    for i, axis in enumerate(axes):
        model, key = models[i // len(drawn)], drawn[i % len(drawn)]
        for label, each in [(label, each) for which, label, each in found if which == model]:
            _curve(axis, each, key, color=look[label], linestyle=line[label], label=called.of[label])
        axis.set_title(cut(f"{_CURVES[key]}, {model}" if len(models) > 1 else _CURVES[key]))
        axis.set_xlabel("step")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        if key == "accuracy":
            percent(axis.yaxis)
    below(drawing, axes, called.shared)
    several = any(len(run.rounds) > 1 for run in runs)
    notes = (
        f"Running means over a {_SHARE}th of the steps; the band is the standard deviation between seeds.",
        "Losses of different methods are on different scales: Con-DPO weighs each pair by its winner's consensus.",
        "Of a run of several rounds these are the steps of the last one." if several else "",
        seeds_note(runs),
    )
    return save(drawing, out, name, caption, notes)


def _curve(axis: Axes, each: Sequence[Sequence[dict[str, float]]], key: str, **style: Any) -> None:
    """Draw one label's curve of ``key`` and its band."""
    mean, sd = _mean(each, key)
    if not len(mean):
        return
    at = np.arange(1, len(mean) + 1)
    axis.plot(at, mean, **style)
    low, high = mean - sd, mean + sd
    if key == "accuracy":  # a share: the band ends where it does
        low, high = low.clip(0, 1), high.clip(0, 1)
    axis.fill_between(at, low, high, color=style["color"], alpha=0.15, linewidth=0)


def _steps(group: Sequence[Run]) -> list[list[dict[str, float]]]:
    """Return the rows of each run's last fit, one per step."""
    paths = [artifact(run, "fit", len(run.rounds)) / "steps.json" for run in group]
    found = [read_json(path, list) for path in paths if path.is_file()]
    return [rows for rows in found if rows]


def _mean(each: Sequence[Sequence[dict[str, float]]], key: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation over runs of the smoothed curves, up to the length of the shortest."""
    curves = [_smooth([row[key] for row in rows]) for rows in each if key in rows[0]]
    length = min((len(curve) for curve in curves), default=0)
    if not length:
        return np.zeros(0), np.zeros(0)
    stacked = np.stack([curve[:length] for curve in curves])
    return stacked.mean(axis=0), stacked.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros(length)


def _smooth(values: Sequence[float]) -> NDArray[np.float64]:
    """Return the running mean of the values over a trailing window of one part in ``_SHARE`` of all."""
    window = max(1, len(values) // _SHARE)
    sums = np.append(0.0, np.cumsum(np.asarray(values, dtype=np.float64)))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    found: NDArray[np.float64] = (sums[ends] - sums[starts]) / (ends - starts)
    return found


def histogram(runs: Sequence[Run], out: Path) -> Figure:
    """Draw the histogram of the curriculum's metric, with solvable and unsolvable problems apart."""
    name, caption = "uncertainty_histogram", "Problems by uncertainty (normalised), solvable and unsolvable ones."
    pools = grouped(pools_of(runs))
    found = {group: values for group, members in pools.items() if any(values := normalised(members))}
    if not found:
        return missing(name, caption, "no run has scores and verdicts at hand")
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
        here = [run for pool in pools[group] for run in pool.runs if run.method == "conself"]
        taus = {run.results["tau"] for run in here if run.results.get("tau") is not None}
        for tau in sorted(taus) if len(taus) <= 2 else ():
            axis.axvline(tau, color=GREY, linestyle="--", label=f"tau = {tau:g}")
        axis.set_title(cut(group))
        axis.set_xlabel("H_norm")
        axis.legend()
    for axis in axes[::COLUMNS]:
        axis.set_ylabel("problems, all seeds")
    notes = ("Problems whose metric is defined and whose oracle is known; solvable: some candidate is right.",)
    return save(drawing, out, name, caption, notes)


def normalised(pools: Sequence[PoolFigures]) -> tuple[list[float], list[float]]:
    """Return min-max normalised values, pool by pool, of the solvable and of the unsolvable problems."""
    both: tuple[list[float], list[float]] = ([], [])
    for pool in pools:
        each = [(replace(pool, runs=(run,)), metric) for metric in _METRICS for run in pool.runs]
        for one, metric in each:
            if rows := scored(one, metric):
                low, high = _range(artifact(one.runs[0], f"score/{metric}"))
                for value, solvable in rows.values():
                    both[not solvable].append((value - low) / (high - low) if high > low else 0.0)
                break
    return both


def _range(folder: Path) -> tuple[float, float]:
    """Return the lowest and highest defined value, oracle or not: the range that a curriculum normalises by."""
    values = [row.value for row in read_records(folder, Uncertainty, "uncertainty") if row.value is not None]
    return round(min(values), DIGITS), round(max(values), DIGITS)  # as `scored` rounds


def rounds(runs: Sequence[Run], out: Path) -> Figure:
    """Draw pass@1 and golden rate by round."""
    name, caption = "rounds", "Rounds: pass@1 after each one, and the golden rate of the pairs it learned from."
    several = [run for run in runs if run.results.get("rounds")]
    if not several:
        return missing(name, caption, "no run has more than one round; add rounds=3")
    benchmarks = benchmarks_of(several)
    drawing, axes = panels(len(benchmarks) + 1, width=5.4)
    found = groups(several)
    labels = [group[0].label for _, _, group in found]
    look, called = colours(labels), names(labels)
    for label, (_, _, group) in zip(labels, found, strict=True):
        style = {"color": look[label], "label": called.of[label]}
        last = max(len(run.rounds) for run in group)
        for axis, benchmark in zip(axes, benchmarks, strict=False):
            _points(axis, [spread(_after(run, benchmark, n) for run in group) for n in range(last + 1)], 0, style)
            axis.set_title(benchmark)
            axis.set_ylabel("pass@1")
        golden = [spread(r.rounds[i].get("golden_rate") for r in group if len(r.rounds) > i) for i in range(last)]
        _points(axes[-1], golden, 1, style)
    axes[-1].set_ylabel("golden rate")
    for axis in axes:
        axis.set_xlabel("round")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        percent(axis.yaxis)
    below(drawing, axes, called.shared)
    return save(drawing, out, name, caption, (seeds_note(several), "Round 0 is the base model."))


def _points(axis: Axes, values: Sequence[Spread | None], first: int, style: dict[str, Any]) -> None:
    """Draw a curve over rounds, starting at number ``first``, with error bars; rounds without a value are skipped."""
    kept = [(number, value) for number, value in enumerate(values, first) if value]
    means, spreads = [value.mean for _, value in kept], [value.sd or 0 for _, value in kept]
    axis.errorbar([number for number, _ in kept], means, yerr=spreads, fmt="o-", **style)


def _after(run: Run, benchmark: str, number: int) -> float | None:
    """Return pass@1 after a number of rounds; 0 means the base model."""
    if number == 0:
        return pass_at_1(run, benchmark, "base")
    if number > len(run.rounds):
        return None
    entry = (run.rounds[number - 1].get("benchmarks") or {}).get(benchmark, {})
    value = entry.get("tuned", {}).get("pass@1")
    return None if value is None else float(value)
