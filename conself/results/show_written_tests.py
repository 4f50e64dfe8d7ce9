"""Print the figures of written tests as a table."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from conself.results.show import Figures, number, stages
from conself.runtime.console import show_table

_ROWS = ("accuracy", "unparsable", "mutation_score")


def show_written_tests(console: Console, results: Figures) -> None:
    """Print accuracy, the share of unparsable replies, and the mutation score of each benchmark."""
    show_table(console, tests_table({name: row["written_tests"] for name, row in results["benchmarks"].items()}))
    show_table(console, stages(results["seconds"], results["peak_memory"]))


def tests_table(rows: Mapping[str, Figures]) -> Table:
    """Build the table of graded tests, a row for each name."""
    table = Table("", "replies", *(name.replace("_", " ") for name in _ROWS), title="Tests", title_justify="left")
    for name, scores in rows.items():
        table.add_row(name, str(scores["n_replies"]), *(number(scores[each]) for each in _ROWS))
    return table
