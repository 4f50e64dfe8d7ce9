"""A figure as files, and the style shared by all: Okabe and Ito's palette, which suits colour-blind readers."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import PercentFormatter

from ..spread import Spread

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
"""The colour of the paper's figures."""
COLUMNS = 3
"""Number of panels side by side."""
_CHARACTER = 0.1  # inches

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


@dataclass(frozen=True)
class Figure:
    """A figure's files, or why there are none.

    Attributes:
        name: of its files: ``figure6_roc``.
        caption: one sentence.
        png, svg: its files; None if it is left out.
        notes: sentences that belong under it.
        left_out: why there is no such figure; "" if there is one.
    """

    name: str
    caption: str
    png: Path | None
    svg: Path | None
    notes: tuple[str, ...] = ()
    left_out: str = ""


def missing(name: str, caption: str, reason: str) -> Figure:
    """Return a figure that could not be drawn, with the reason."""
    return Figure(name, caption, None, None, left_out=reason)


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save within this context: it sets the style of all figures, and restores the caller's afterwards."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def panels(
    count: int, width: float = 6.4, height: float = 4.2, columns: int = COLUMNS, rows: Iterable[str] = ()
) -> tuple[Drawing, list[Axes]]:
    """Return an empty drawing with panels side by side, in rows of ``columns``.

    ``width`` and ``height`` are of one panel in inches; ``rows``, the names of the first panel's rows, get extra width.
    """
    columns = min(columns, count)
    down = ceil(count / columns)
    left = _CHARACTER * max(map(len, rows), default=0)
    drawing = Drawing(figsize=(width * columns + left, height * down))
    axes = list(drawing.subplots(down, columns, squeeze=False).flat)
    for unused in axes[count:]:
        unused.remove()
    return drawing, axes[:count]


def save(drawing: Drawing, out: Path, name: str, caption: str, notes: Sequence[str]) -> Figure:
    """Write PNG and SVG into ``out``, the same bytes for the same numbers."""
    png, svg = out / f"{name}.png", out / f"{name}.svg"
    drawing.savefig(png, metadata={"Software": None})
    drawing.savefig(svg, metadata={"Date": None})
    return Figure(name, caption, png, svg, tuple(note for note in notes if note))


def below(drawing: Drawing, axes: Sequence[Axes], title: str = "") -> None:
    """Add one legend for all panels below them, where it hides nothing, however many entries it has."""
    found: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        room = int(drawing.get_figwidth() / (0.8 + _CHARACTER * max(map(len, found))))
        handles, labels = list(found.values()), list(found)
        drawing.legend(
            handles, labels, title=title or None, loc="outside lower center", ncols=max(1, min(4, room, len(found)))
        )


def thin(axis: Axes, x: Sequence[float], means: Sequence[Spread], sideways: bool = False) -> None:
    """Draw error bars of one standard deviation over bars; of length 0 for a single run."""
    at, spreads = [mean.mean for mean in means], [mean.sd or 0.0 for mean in means]
    style: dict[str, Any] = {"fmt": "none", "ecolor": "#333333", "elinewidth": 1.4}
    if sideways:
        axis.errorbar(at, x, xerr=spreads, **style)
    else:
        axis.errorbar(x, at, yerr=spreads, **style)


def percent(axis: Axis) -> None:
    """Format the ticks of a matplotlib axis (``axes.yaxis``) as percentages."""
    axis.set_major_formatter(PercentFormatter(1.0))
