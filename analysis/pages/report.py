"""The content of ``report.html``, as plain data for its template."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..figures.all import Figure
from ..labels import flattened
from ..runs import Run
from ..spread import Spread
from ..tables.table import Cell, Table, number, show
from .headline import cards, changes
from .html import inline_svg
from .write import PoolPages


@dataclass(frozen=True)
class ShownCell:
    """A cell's text, its raw number ("" for nothing, None for text), and whether its sign is coloured."""

    text: str
    value: float | str | None
    tone: str


@dataclass(frozen=True)
class ShownFigure:
    """A figure with its SVG as markup."""

    figure: Figure
    svg: Markup


def report_content(
    runs: Sequence[Run],
    tables: Sequence[Table],
    figures: Sequence[Figure],
    pages: Sequence[PoolPages],
    notes: Sequence[str],
) -> dict[str, Any]:
    """Return everything that the template ``report.html`` names; figures are read from their SVG files."""
    found = changes(runs)
    by_name = {table.name: table for table in tables if not table.left_out}
    listed, differ = by_name.pop("runs", None), by_name.pop("config_differences", None)
    return {
        "title": "ConSelf",
        "lead": _lead(runs),
        "cards": cards(runs, found),
        "changes": found,
        "show": show,
        "number": number,
        "runs": listed,
        "links": run_links(listed, pages) if listed and pages else None,
        "differences": differ,
        "tables": list(by_name.values()),
        "left_out": left_out([*tables, *figures]),
        "cells": cells,
        "figures": [_figure(figure) for figure in figures if not figure.left_out],
        "pages": list(pages),
        "notes": list(notes),
    }


def left_out(items: Sequence[Table | Figure]) -> list[tuple[str, str]]:
    """Return caption and reason of the tables and figures for which the runs hold no data."""
    return [(item.caption, item.left_out) for item in items if item.left_out]


def cells(table: Table, row: Sequence[Cell]) -> list[ShownCell]:
    """Return a row's cells as they are shown and sorted."""
    return [_cell(cell, form) for cell, form in zip(row, table.formats, strict=True)]


def run_links(table: Table, pages: Sequence[PoolPages]) -> list[list[PoolPages]]:
    """Return the pages of a run's pools per row of the table of runs, identified by their column ``folder``."""
    at = table.columns.index("folder")
    return [[page for page in pages if str(row[at]) in page.pool.runs] for row in table.rows]


def _cell(cell: Cell, form: str) -> ShownCell:
    value = number(cell)
    tone = "" if value is None or not form.startswith("+") else "good" if value > 0 else "bad" if value < 0 else ""
    if cell is None:
        return ShownCell("-", "", "")
    raw: float | str | None = value if isinstance(cell, Spread | int | float) else None if not form else ""
    return ShownCell(show(cell, form), raw, tone)


def _figure(figure: Figure) -> ShownFigure:
    assert figure.svg is not None  # figures without files are left out before
    return ShownFigure(figure, inline_svg(Path(figure.svg).read_text(encoding="utf-8"), figure.name))


def _lead(runs: Sequence[Run]) -> str:
    """Return one sentence about the models and their training data."""
    models = ", ".join(dict.fromkeys(run.backbone for run in runs if run.backbone))
    datasets = ", ".join(dict.fromkeys(_dataset(run) for run in runs if _dataset(run)))
    return f"{models or 'A model'} learning from its own programs on {datasets or 'one data set'}, without a teacher."


def _dataset(run: Run) -> str:
    target = flattened(run.config).get("dataset._target_", "")
    return run.choices.get("dataset") or target.split(".")[-2 if target.count(".") > 0 else -1]
