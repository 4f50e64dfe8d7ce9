"""Accuracy of models that answer only when confident, by coverage; the confidence is fitted on other pools."""

from collections.abc import Sequence
from pathlib import Path

from ..runs import Run
from .figure import LINES, PALETTE, Figure, below, missing, panels, percent, save
from .labels import cut


def abstention(runs: Sequence[Run], out: Path) -> Figure:
    """Draw the winners' accuracy against the share of problems answered, most confident first; one line per run."""
    name, caption = "abstention", "Accuracy of the ranking's winners when only the surest answer (labels: other pools)."
    found = [(run, curve) for run in runs if (curve := (run.first.get("confidence") or {}).get("abstention"))]
    if not found:
        return missing(name, caption, "no run has a confidence and verdicts: conself.score statistics/confidence=pools")
    drawing, (axis,) = panels(1, width=7.4)
    for number, (run, curve) in enumerate(found):
        colour, line = PALETTE[number % len(PALETTE)], LINES[number // len(PALETTE) % len(LINES)]
        x, y = [point["coverage"] for point in curve], [point["accuracy"] for point in curve]
        axis.plot(x, y, label=cut(f"{run.label} ({run.name})"), color=colour, linestyle=line)
    axis.set_xlabel("problems answered")
    axis.set_ylabel("answers that are right")
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1.005)
    percent(axis.xaxis)
    percent(axis.yaxis)
    below(drawing, [axis])
    fitted = sorted({pool for run, _ in found for pool in run.first["confidence"]["fitted_on"]})
    return save(drawing, out, name, caption, [f"Fitted on verdicts of {', '.join(fitted)}."])
