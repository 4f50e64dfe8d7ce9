"""pass@1 of every method, and Figure 5: how many examples each one trained on."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.ticker import MaxNLocator

from analysis import paper
from analysis.figure import GREY, PAPER, Figure, colours, missing, panels, percent, save, thin
from analysis.measures import benchmarks_of, groups, pairs, pass_at_1, problems_note, seeds_note, trained
from analysis.runs import Run
from analysis.spread import spread

_ROW = 0.42  # inches


def methods(runs: Sequence[Run], out: Path) -> Figure:
    """pass@1 after training, one row per method, a dot per seed, beside the base model's."""
    name, caption = "methods", "Greedy pass@1 of each method: mean and standard deviation over seeds, a dot per seed."
    found = trained(runs)
    if not found:
        return missing(name, caption, "no run has evaluated a model before and after training")
    names = benchmarks_of(found)[:4]
    rows = [group for _, _, group in reversed(groups(found))]
    labels = [group[0].label for group in rows]
    colour = colours(labels[::-1])
    drawing, axes = panels(len(names), height=1.6 + _ROW * len(rows))
    for axis, benchmark in zip(axes, names, strict=True):
        for y, group in enumerate(rows):
            values = [value for run in group if (value := pass_at_1(run, benchmark, "tuned")) is not None]
            if (mean := spread(values)) is None:
                continue
            style = colour[labels[y]]
            axis.errorbar(mean.mean, y, xerr=mean.sd or 0, fmt="o", color=style, markersize=9, linewidth=2.5, zorder=3)
            axis.plot(values, [y - 0.22] * len(values), ".", color=style, alpha=0.6, markersize=6)
            axis.annotate(f"{mean.mean:.1%}", (mean.mean, y), (0, 7), textcoords="offset points", ha="center")
        bases = {round(b, 6) for run in found if (b := pass_at_1(run, benchmark, "base")) is not None}
        for base in sorted(bases):
            axis.axvline(base, color=GREY, linestyle="--", zorder=1, label="base model" if base == min(bases) else None)
        axis.set_yticks(range(len(rows)), labels if axis is axes[0] else [""] * len(rows))
        axis.set_ylim(-0.6, len(rows) - 0.3)
        axis.set_title(benchmark)
        axis.set_xlabel("pass@1")
        axis.xaxis.set_major_locator(MaxNLocator(6))
        percent(axis.xaxis)
        if bases:
            axis.legend(loc="lower right", bbox_to_anchor=(1, 1))
    return save(drawing, out, name, caption, (seeds_note(found), problems_note(found)))


def sizes(runs: Sequence[Run], out: Path) -> Figure:
    """Figure 5: the number of training examples of each method, the paper's beside ours."""
    name, caption = "figure5_sizes", "Training examples of each method."
    rows = [(g[0].label, mean) for _, _, g in reversed(groups(runs)) if (mean := spread(pairs(run) for run in g))]
    if not rows:
        return missing(name, caption, "no run has trained on anything")
    colour = colours([label for label, _ in reversed(rows)])
    printed = list(paper.TRAINING_SIZES.items())[::-1]
    drawing, (ours, theirs) = panels(2, height=1.4 + _ROW * max(len(rows), len(printed)))
    ours.barh(range(len(rows)), [m.mean for _, m in rows], color=[colour[label] for label, _ in rows], height=0.65)
    thin(ours, range(len(rows)), [m for _, m in rows], sideways=True)
    for y, (_, mean) in enumerate(rows):
        ours.annotate(f"{mean.mean:,.0f}", (mean.mean + (mean.sd or 0), y), (6, -4), textcoords="offset points")
    ours.set_yticks(range(len(rows)), [label for label, _ in rows])
    ours.set_title("this report")
    theirs.barh(range(len(printed)), [n for _, n in printed], color=PAPER, height=0.65)
    for y, (_, n) in enumerate(printed):
        theirs.annotate(f"{n:,}", (n, y), (6, -4), textcoords="offset points")
    theirs.set_yticks(range(len(printed)), [method for method, _ in printed])
    theirs.set_title("paper: DeepSeek-Coder-6.7B, TACO")
    for axis in (ours, theirs):
        axis.set_xlabel("training examples (pairs; SFT: targets)")
        axis.margins(x=0.16)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.grid(visible=False, axis="y")
    notes = (seeds_note(runs), "The paper gives numbers for these three methods on DeepSeek-Coder-6.7B alone.")
    return save(drawing, out, name, caption, notes)
