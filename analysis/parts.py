"""Single tables and figures as files, for a separate folder: ``parts=table1_methods,methods``."""

from collections.abc import Sequence
from pathlib import Path

from .figures.all import FIGURES
from .figures.figure import styled
from .runs import Run
from .tables.all import all_tables
from .write import write_tables


def write_parts(runs: Sequence[Run], parts: Sequence[str], out: Path) -> list[Path]:
    """Write these tables (.md, .csv, .tex) and figures (.png, .svg) into ``out``; return the files.

    A name may belong to a table and to a figure (``rounds``): both are written.

    Raises:
        ValueError: a name matches no table or figure (lists the valid names), or the runs hold no data for it (names
            the missing data); nothing is written in that case.
    """
    tables = {table.name: table for table in all_tables(runs)}
    figures = {draw([], out).name: draw for draw in FIGURES}  # without runs, only names; nothing is drawn
    if unknown := [part for part in parts if part not in {*tables, *figures}]:
        known = ", ".join(dict.fromkeys([*tables, *figures]))
        raise ValueError(f"parts={','.join(unknown)}: there is no such table or figure; there are {known}")
    chosen = [tables[part] for part in parts if part in tables]
    if empty := [table for table in chosen if table.left_out]:
        raise ValueError(_nothing(empty[0].name, empty[0].left_out))
    out.mkdir(parents=True, exist_ok=True)
    with styled():
        drawn = [figures[part](runs, out) for part in parts if part in figures]
    if bare := [figure for figure in drawn if figure.left_out]:
        for path in (path for figure in drawn for path in (figure.png, figure.svg) if path):
            path.unlink()
        raise ValueError(_nothing(bare[0].name, bare[0].left_out))
    files = [path for figure in drawn for path in (figure.png, figure.svg) if path]
    return [*write_tables(chosen, out), *files]


def _nothing(name: str, reason: str) -> str:
    return f"parts={name}: the runs hold nothing for it: {reason}"
