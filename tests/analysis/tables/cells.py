"""Tables of run folders, and their cells by row and column."""

from pathlib import Path

import pytest

from analysis.runs import read_runs
from analysis.spread import Spread
from analysis.tables.all import all_tables
from analysis.tables.table import Cell, Table


def table(folder: Path, name: str) -> Table:
    return {table.name: table for table in all_tables(read_runs(folder))}[name]


def row(found: Table, **cells: str) -> dict[str, Cell]:
    """The one row with these cells, by column."""
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    (only,) = [each for each in rows if all(each[key] == value for key, value in cells.items())]
    return only


def near(mean: float, sd: float | None, n: int) -> Spread:
    return Spread(pytest.approx(mean), None if sd is None else pytest.approx(sd), n)
