"""A figure as files, and the one style of all: Okabe and Ito's palette, which colour-blind people can tell apart."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import PercentFormatter

from analysis.spread import Spread

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#6B6B6B",
)
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, "#000000")
LINES = ("-", "--", ":", "-.")
PAPER = GREY
"""The colour of what the paper reports."""

_STYLE: dict[Any, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "savefig.bbox": "tight",
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.2,
    "lines.markersize": 7,
    "errorbar.capsize": 4,
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "svg.fonttype": "none",  # text stays text: it can be searched, and edited for a talk
    "text.parse_math": False,  # a dollar in a label is a dollar
    "svg.hashsalt": "conself",  # ids that are the same each time
}
# Methods keep their colour over all figures.
_OF_METHODS = {
    "conself": BLUE,
    "wo_cw": SKY,
    "wo_cc": GREEN,
    "self_dpo": ORANGE,
    "self_sft": PURPLE,
    "pfpo": VERMILION,
    "curriculum_by_metric": "#000000",
    "base": GREY,
}


@dataclass(frozen=True)
class Figure:
    """A figure's files, or why there are none.

    Attributes:
        name: of its files: ``figure6_roc``.
        caption: one sentence.
        png, svg: its files; None where it is left out.
        notes: sentences that belong under it.
        left_out: why there is no such figure; "" where there is one.
    """

    name: str
    caption: str
    png: Path | None
    svg: Path | None
    notes: tuple[str, ...] = ()
    left_out: str = ""


def missing(name: str, caption: str, reason: str) -> Figure:
    """The figure that could not be drawn, and why."""
    return Figure(name, caption, None, None, left_out=reason)


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save inside this: the style is of all figures, and of nobody else's."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def panels(count: int, width: float = 6.4, height: float = 4.2) -> tuple[Drawing, list[Axes]]:
    """An empty drawing with panels side by side; ``width`` and ``height`` of one panel in inches."""
    drawing = Drawing(figsize=(width * count, height))
    return drawing, list(drawing.subplots(1, count, squeeze=False)[0])


def save(drawing: Drawing, out: Path, name: str, caption: str, notes: Sequence[str]) -> Figure:
    """Write PNG and SVG into ``out``, the same bytes for the same numbers."""
    png, svg = out / f"{name}.png", out / f"{name}.svg"
    drawing.savefig(png, metadata={"Software": None})
    drawing.savefig(svg, metadata={"Date": None})
    return Figure(name, caption, png, svg, tuple(note for note in notes if note))


def colours(labels: Sequence[str]) -> dict[str, str]:
    """Label -> colour: a method's own, whatever else a label says; what is no method takes unused ones in turn."""
    own = {label: _OF_METHODS[_method(label)] for label in labels if _method(label) in _OF_METHODS}
    free = [colour for colour in PALETTE if colour not in own.values()] or list(PALETTE)
    rest = list(dict.fromkeys(label for label in labels if label not in own))
    return {**own, **{label: free[i % len(free)] for i, label in enumerate(rest)}}


def lines(labels: Sequence[str]) -> dict[str, str]:
    """Label -> line style, which tells the settings of one method apart."""
    found: dict[str, str] = {}
    for label in labels:
        same = sum(_method(other) == _method(label) for other in found)
        found[label] = LINES[same % len(LINES)]
    return found


def _method(label: str) -> str:
    return label.split(" ", maxsplit=1)[0]


def below(drawing: Drawing, axis: Axes) -> None:
    """The legend of one panel for all of them, below the panels: it hides nothing, however many entries it has."""
    handles, labels = axis.get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=min(4, max(1, len(labels))))


def thin(axis: Axes, x: Sequence[float], means: Sequence[Spread], sideways: bool = False) -> None:
    """Error bars of one standard deviation over bars; none where there is one run."""
    at, spreads = [mean.mean for mean in means], [mean.sd or 0.0 for mean in means]
    style: dict[str, Any] = {"fmt": "none", "ecolor": "#333333", "elinewidth": 1.4}
    if sideways:
        axis.errorbar(at, x, xerr=spreads, **style)
    else:
        axis.errorbar(x, at, yerr=spreads, **style)


def percent(axis: Axis) -> None:
    """Ticks of a matplotlib axis (``axes.yaxis``) as percentages."""
    axis.set_major_formatter(PercentFormatter(1.0))
