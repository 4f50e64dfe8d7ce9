"""A table as plain data, and the text of its cells."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..spread import Spread


class Written(float):
    """A number with its own text: the paper's at its printed precision, a p that is only bounded from above.

    It is a float so that it sorts, compares and goes into CSV as the number it is.
    """

    text: str

    def __new__(cls, value: float, text: str) -> "Written":
        """Return the number ``value``, shown as ``text`` whatever its column's format."""
        made = super().__new__(cls, value)
        made.text = text
        return made


Cell = str | float | int | None | Spread
Head = tuple[str, str]


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns.

    Attributes:
        name: of its files: ``table1_methods``.
        caption: one sentence.
        columns: headings.
        formats: per column a Python format of numbers (``.1%``, ``+.1%``, ``.3f``, ``d``), or "" for text.
        rows: cells: text, numbers, :class:`Written`, :class:`Spread`, or None if empty.
        notes: sentences that belong under the table: seeds, n, tests, what the paper's figures were measured on.
        left_out: why there are no rows; "" if there are some.
    """

    name: str
    caption: str
    columns: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    notes: tuple[str, ...] = ()
    left_out: str = ""

    def __post_init__(self) -> None:
        if len(self.formats) != len(self.columns) or any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"table {self.name}: each row, and the formats, need {len(self.columns)} cells")
        if bool(self.rows) == bool(self.left_out):
            raise ValueError(f"table {self.name}: give rows, or say in left_out why there are none")


def missing(name: str, caption: str, reason: str) -> Table:
    """Return a table that could not be made, with the reason."""
    return Table(name, caption, left_out=reason)


def show(cell: Cell, form: str) -> str:
    """Return a cell as text: ``46.9 ± 1.2%`` for a spread over several runs, a dash for nothing."""
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Written):
        return cell.text
    if isinstance(cell, Spread):
        if cell.sd is None:
            return show(cell.mean, form)
        mean, sd = _number(cell.mean, form), _number(cell.sd, form.lstrip("+"))
        return f"{mean[:-1]} ± {sd}" if form.endswith("%") else f"{mean} ± {sd}"
    return _number(cell, form)


def number(cell: Cell) -> float | None:
    """Return the raw number to sort by; None for text and for nothing."""
    if isinstance(cell, Spread):
        return cell.mean
    return None if cell is None or isinstance(cell, str) else float(cell)


def table_of(
    name: str, caption: str, heads: Sequence[Head], rows: Sequence[Sequence[Cell]], notes: Sequence[str]
) -> Table:
    """Return a table of rows under (heading, format) pairs, without empty columns and empty notes."""
    kept = [i for i in range(len(heads)) if any(row[i] is not None for row in rows)]
    return Table(
        name,
        caption,
        columns=tuple(heads[i][0] for i in kept),
        formats=tuple(heads[i][1] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in rows),
        notes=tuple(note for note in notes if note),
    )


def _number(value: float, form: str) -> str:
    if form == "p":
        return "<1e-300" if value < 1e-300 else format(value, ".1g" if value < 0.001 else ".3f")
    return format(round(value) if form.endswith("d") else value, form)
