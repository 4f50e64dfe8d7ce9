"""pass@1 of every method, and Figure 5: the number of training examples of each method."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .. import paper
from ..measures import benchmarks_of, groups, pairs, pass_at_1, problems_note, seeds_note, trained
from ..runs import Run
from ..spread import spread
from .figure import COLUMNS, GREY, PAPER, Figure, below, missing, panels, percent, save, thin
from .labels import colours, names

_ROW = 0.42  # inches


def methods(runs: Sequence[Run], out: Path) -> Figure:
    """Draw pass@1 after training, one row per method and a dot per seed, beside the base model's."""
    name, caption = "methods", "Greedy pass@1 of each method: mean and standard deviation over seeds, a dot per seed."
    found = trained(runs)
    if not found:
        return missing(name, caption, "no run has evaluated a model before and after training")
    rows = list(reversed(groups(found)))
    called = names([group[0].label for _, _, group in groups(found)])
    labels = [called.of[group[0].label] for _, _, group in rows]
    colour = colours([label for _, label, _ in groups(found)])
    benchmarks = benchmarks_of(found)
    drawing, axes = panels(len(benchmarks), 5.0, 1.6 + _ROW * len(rows), rows=labels)
    for i, (axis, benchmark) in enumerate(zip(axes, benchmarks, strict=True)):
        for y, (_, label, group) in enumerate(rows):
            _row(axis, y, group, benchmark, colour[label])
        axis.set_yticks(range(len(rows)), [""] * len(rows) if i % COLUMNS else labels)
        axis.set_ylabel("" if i % COLUMNS else called.shared.replace(" ", "\n"))
        axis.set_ylim(-0.6, len(rows) - 0.3)
        axis.set_title(benchmark)
        axis.set_xlabel("pass@1")
        axis.xaxis.set_major_locator(MaxNLocator(4))
        axis.margins(x=0.12)  # for the numbers
        percent(axis.xaxis)
    below(drawing, axes)
    return save(drawing, out, name, caption, (seeds_note(found), problems_note(found)))


def _row(axis: Axes, y: int, group: Sequence[Run], benchmark: str, colour: str) -> None:
    """Draw the runs of one label: their mean, each run below it, and their own base model."""
    values = [value for run in group if (value := pass_at_1(run, benchmark, "tuned")) is not None]
    if base := spread(pass_at_1(run, benchmark, "base") for run in group):
        axis.plot(base.mean, y, "o", color=GREY, fillstyle="none", markersize=9, zorder=4, label="base model")
    if mean := spread(values):
        axis.errorbar(mean.mean, y, xerr=mean.sd or 0, fmt="o", color=colour, markersize=9, linewidth=2.5, zorder=3)
        axis.plot(values, [y - 0.22] * len(values), ".", color=colour, alpha=0.6, markersize=6)
        axis.annotate(f"{mean.mean:.1%}", (mean.mean, y), (0, 7), textcoords="offset points", ha="center")


def sizes(runs: Sequence[Run], out: Path) -> Figure:
    """Draw Figure 5: the number of training examples of each method, with the paper's beside ours."""
    name, caption = "figure5_sizes", "Training examples of each method."
    each = [(label, g[0].label, spread(pairs(run) for run in g)) for _, label, g in reversed(groups(runs))]
    rows = [(label, full, mean) for label, full, mean in each if mean]
    if not rows:
        return missing(name, caption, "no run has trained on anything")
    colour, called = colours([label for label, _, _ in reversed(rows)]), names([full for _, full, _ in reversed(rows)])
    printed = list(paper.TRAINING_SIZES.items())[::-1]
    labels = [called.of[full] for _, full, _ in rows]
    drawing, (ours, theirs) = panels(2, 5.6, 1.4 + _ROW * max(len(rows), len(printed)), rows=labels)
    means, shades = [mean for _, _, mean in rows], [colour[label] for label, _, _ in rows]
    ours.barh(range(len(rows)), [mean.mean for mean in means], color=shades, height=0.65)
    thin(ours, range(len(rows)), means, sideways=True)
    for y, mean in enumerate(means):
        ours.annotate(f"{mean.mean:,.0f}", (mean.mean + (mean.sd or 0), y), (6, -4), textcoords="offset points")
    ours.set_yticks(range(len(rows)), labels)
    ours.set_ylabel(called.shared.replace(" ", "\n"))
    ours.set_title("this report")
    theirs.barh(range(len(printed)), [n for _, n in printed], color=PAPER, height=0.65)
    for y, (_, n) in enumerate(printed):
        theirs.annotate(f"{n:,}", (n, y), (6, -4), textcoords="offset points")
    theirs.set_yticks(range(len(printed)), [method for method, _ in printed])
    theirs.set_title("paper: DeepSeek-Coder-6.7B, TACO")
    for axis in (ours, theirs):
        axis.set_xlabel("training examples (pairs; SFT: targets)")
        axis.margins(x=0.16)
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.grid(visible=False, axis="y")
    notes = (seeds_note(runs), "The paper gives numbers for these three methods on DeepSeek-Coder-6.7B alone.")
    return save(drawing, out, name, caption, notes)
