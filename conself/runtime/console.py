"""Print lines and tables on the console verbatim: a path may have any characters and any length."""

from rich.console import Console
from rich.segment import Segments
from rich.table import Table
from rich.text import Text

_WIDE = 100_000  # columns: more than any table has, for whoever reads it from a pipe or a file


def new_console(stderr: bool = False, quiet: bool = False) -> Console:
    """Create a console without markup, number highlighting, emoji or line folding."""
    return Console(stderr=stderr, quiet=quiet, markup=False, highlight=False, emoji=False, soft_wrap=True)


def say(console: Console, text: str, lead: str = "", style: str = "") -> None:
    """Print one line verbatim, never wrapped, cut or read as markup; ``style`` applies to ``lead`` before it, if any.

    Without a lead the style applies to the whole line.
    """
    parts = [Text(lead, style), Text(" " + text)] if lead else [Text(text, style)]
    console.print(Text.assemble(*parts), markup=False, highlight=False, soft_wrap=True)


def show_table(console: Console, table: Table) -> None:
    """Print a table whose cells are text. Without a terminal nothing in it is folded or cut, however wide it is.

    The title is a line of its own, since rich would fold it into the table's width.
    """
    title, table.title = table.title, None
    if title is not None:
        say(console, str(title), style="italic")
    options = console.options.update(markup=False, highlight=False)
    if not console.is_terminal:  # print itself never goes beyond the console's width, 80 columns in a pipe
        options = options.update(
            width=max(console.width, console.measure(table, options=options.update(width=_WIDE)).maximum)
        )
    console.print(Segments(console.render(table, options)), soft_wrap=True)
