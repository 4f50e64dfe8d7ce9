"""Curves of training runs on rollouts: rewards, diversity, and the pass rates of saved weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from conself.store.curves import FILE, HELD_OUT, read_curve

from ..measures import benchmarks_of, groups, seeds_note
from ..runs import Run, artifact
from .figure import Figure, below, missing, panels, save
from .labels import colours, cut, lines, names

_CURVES = {
    "reward": "reward",
    "winner_consensus": "consensus of the winner",
    "distinct_traces": "distinct behaviours per problem",
    "entropy": "entropy per token (nats)",
    "length": "tokens per response",
    "zero_variance": "share of groups with equal rewards",
    "kl": "KL to the reference",
    f"{HELD_OUT}winner_consensus": "consensus, held-out problems",
    f"{HELD_OUT}distinct_traces": "distinct behaviours, held-out problems",
}
"""Figures of a row, with the titles of their panels; those that no run has are left out."""
Points = list[tuple[float, float]]
"""Steps and values."""


def online(runs: Sequence[Run], out: Path) -> Figure:
    """Draw the figures of each step, and pass@1 and pass@k of the saved weights; one line per seed."""
    name, caption = "online_curves", "Training on rollouts, step by step; below, answers of the weights on the way."
    found = [(label, run) for _, label, group in groups(runs) for run in group if _file(run).is_file()]
    if not found:
        return missing(name, caption, "no run has trained on rollouts")
    rows = {id(run): read_curve(_file(run).parent) for _, run in found}
    drawn = {title: {id(run): _curve(rows[id(run)], key) for _, run in found} for key, title in _CURVES.items()}
    for benchmark in benchmarks_of([run for _, run in found]):
        for measure in ("pass@1", "pass@k"):
            drawn[f"{benchmark}: {measure}"] = {id(run): _answers(run, benchmark, measure) for _, run in found}
    drawn = {title: curves for title, curves in drawn.items() if any(curves.values())}
    labels = list(dict.fromkeys(label for label, _ in found))
    look, line, called = colours(labels), lines(labels), names(labels)
    drawing, axes = panels(len(drawn))
    for axis, (title, curves) in zip(axes, drawn.items(), strict=True):
        for label in labels:
            style = {"color": look[label], "linestyle": line[label], "label": called.of[label]}
            _lines(axis, [curves[id(run)] for mine, run in found if mine == label], style)
        axis.set_title(cut(title))
        axis.set_xlabel("step")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    below(drawing, axes, called.shared)
    notes = (
        "A thin line per seed. Rows are of the policy before the step's update; consensus of the winner is its R.",
        "pass@k is that of the largest k that the run's voters allow. Held-out problems are never trained on.",
        seeds_note([run for _, run in found]),
    )
    return save(drawing, out, name, caption, notes)


def _lines(axis: Axes, each: Sequence[Points], style: dict[str, Any]) -> None:
    """Draw a line for each seed; the first carries the label."""
    for number, points in enumerate(points for points in each if points):
        at, values = np.array(points, dtype=np.float64).T
        own = style if number == 0 else style | {"label": None}
        axis.plot(at, values, linewidth=1.2, marker="." if len(points) < 40 else "", **own)


def _file(run: Run) -> Path:
    return artifact(run, "reinforce") / FILE


def _curve(rows: Sequence[dict[str, float]], key: str) -> Points:
    return [(row["step"], row[key]) for row in rows if key in row]


def _answers(run: Run, benchmark: str, measure: str) -> Points:
    """Return pass rates by number of steps, for pass@k the last k; nothing if only the last weights were kept."""
    points = (run.results.get("by_steps") or {}).get(benchmark) or []
    found: Points = []
    for point in points if len(points) > 2 else ():
        value = point.get(measure)
        if isinstance(value, dict):
            value = list(value.values())[-1]["value"] if value else None
        if value is not None:
            found.append((point["step"], value))
    return found
