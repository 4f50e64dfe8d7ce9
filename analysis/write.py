"""Tables as files: Markdown to read, CSV with the numbers at full precision, LaTeX for a paper (booktabs)."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from .spread import Spread
from .tables.table import Cell, Table, show

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "[": "{}[",  # at the start of a row it would be an argument of the line break before it
    "*": "{}*",  # likewise
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "\u2212": r"$-$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
}
_FIT = 8  # columns of a text's width


def write_tables(tables: Iterable[Table], folder: Path) -> list[Path]:
    """Write ``<name>.md``, ``.csv`` and ``.tex`` of each table with rows into ``folder``; return the files.

    Files of earlier reports are removed for tables that are now left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for table in tables:
        for suffix, form in ((".md", markdown), (".csv", csv_text), (".tex", latex)):
            path = folder / f"{table.name}{suffix}"
            if table.left_out:
                path.unlink(missing_ok=True)
                continue
            path.write_text(form(table), encoding="utf-8")
            files.append(path)
    return files


def markdown(table: Table) -> str:
    """Return the table under its caption, numbers aligned right, notes below."""
    rows = [[_pipe_free(cell) for cell in row] for row in _shown(table)]
    rule = ["---:" if form else "---" for form in table.formats]
    lines = [_line(map(_pipe_free, table.columns)), _line(rule), *map(_line, rows)]
    notes = [f"- {note}" for note in table.notes]
    return "\n".join([f"**{table.caption}**", "", *lines, "", *notes]).rstrip() + "\n"


def csv_text(table: Table) -> str:
    """Return the raw numbers at full precision; a spread has three columns: its mean, ``… (sd)`` and ``… (n)``."""
    wide = [any(isinstance(row[i], Spread) for row in table.rows) for i in range(len(table.columns))]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = zip(table.columns, wide, strict=True)
    writer.writerow([c for name, w in names for c in ([name, f"{name} (sd)", f"{name} (n)"] if w else [name])])
    for row in table.rows:
        writer.writerow([value for cell, w in zip(row, wide, strict=True) for value in _raw(cell, w)])
    return out.getvalue()


def latex(table: Table) -> str:
    """Return a ``table`` environment (booktabs; graphicx to fit wide tables); all text is escaped, notes below."""
    columns = "".join("r" if form else "l" for form in table.formats)
    head, *body = [" & ".join(map(escaped, row)) + r" \\" for row in (table.columns, *_shown(table))]
    notes = [rf"\par\smallskip{{\footnotesize {escaped(note)}}}" for note in table.notes]
    wide = len(table.columns) > _FIT
    return "\n".join(
        [
            r"% \usepackage{booktabs,graphicx}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(table.caption)}}}",
            rf"\label{{tab:{table.name.replace('_', '-')}}}",
            *([r"\resizebox{\textwidth}{!}{%"] if wide else []),
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}" + ("}" if wide else ""),
            *notes,
            r"\end{table}",
            "",
        ]
    )


def escaped(text: str) -> str:
    """Return text escaped for LaTeX, character by character, on one line."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))


def _shown(table: Table) -> list[list[str]]:
    return [[show(cell, form) for cell, form in zip(row, table.formats, strict=True)] for row in table.rows]


def _raw(cell: Cell, wide: bool) -> Sequence[str | float | int | None]:
    if isinstance(cell, Spread):
        return [cell.mean, cell.sd, cell.n]
    return [cell, None, None] if wide else [cell]


def _pipe_free(text: str) -> str:
    return " ".join(text.split()).replace("\\|", "\\\\|").replace("|", r"\|")


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
