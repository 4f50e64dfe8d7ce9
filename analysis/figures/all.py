"""Every figure for which the runs hold numbers, as PNG and SVG."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ..runs import Run
from .abstention import abstention
from .figure import Figure, styled
from .methods import methods, sizes
from .online import online
from .roc import curves
from .tau import golden, improvements
from .training import histogram, rounds, training

__all__ = ["FIGURES", "Figure", "all_figures"]

FIGURES: tuple[Callable[[Sequence[Run], Path], Figure], ...] = (
    methods,
    sizes,
    curves,
    improvements,
    golden,
    training,
    online,
    histogram,
    rounds,
    abstention,
)


def all_figures(runs: Sequence[Run], out: Path) -> list[Figure]:
    """Draw all figures into ``out`` (created if missing); return them, with reasons for those left out.

    Files of earlier reports are removed for figures that are now left out.
    """
    out.mkdir(parents=True, exist_ok=True)
    with styled():
        found = [draw(runs, out) for draw in FIGURES]
    for figure in found:
        for suffix in (".png", ".svg") if figure.left_out else ():
            (out / f"{figure.name}{suffix}").unlink(missing_ok=True)
    return found
