"""Text on the console stays what it is, above all in a pipe."""

import io

from rich.console import Console
from rich.table import Table

from conself.runtime.console import new_console, say, show_table

PATH = "/data/[red]runs[/red]/:smile:/[1]/" + "long/" * 40


def pipe() -> Console:
    return Console(file=io.StringIO(), width=80)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_line_with_a_path_is_one_line_with_that_path() -> None:
    console = pipe()
    say(console, f"wandb sync {PATH}")
    say(console, PATH, "error:", "bold red")
    assert shown(console) == f"wandb sync {PATH}\nerror: {PATH}\n"


def test_a_terminal_is_left_to_fold_the_line_itself() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    say(console, PATH, "error:", "bold red")
    assert shown(console) == f"\x1b[1;31merror:\x1b[0m {PATH}\n"


def test_a_table_in_a_pipe_is_as_wide_as_its_cells() -> None:
    console = new_console()
    console.file = io.StringIO()
    table = Table("what", PATH, title=f"Against {PATH}")
    table.add_row("[bold]mean[/bold]", "x" * 300)
    show_table(console, table)
    text = shown(console)
    assert text.startswith(f"Against {PATH}\n")
    assert PATH in text.splitlines()[2]
    assert "[bold]mean[/bold]" in text
    assert "x" * 300 in text


def test_a_table_on_a_terminal_keeps_to_its_width() -> None:
    console = Console(file=io.StringIO(), width=40, force_terminal=True)
    table = Table("what")
    table.add_row("word " * 100)
    show_table(console, table)
    assert max(map(len, shown(console).splitlines())) <= 40 + len("\x1b[1m\x1b[0m" * 4)
