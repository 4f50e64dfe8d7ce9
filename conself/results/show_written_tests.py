"""Print the figures of written tests as a table."""

from rich.console import Console
from rich.table import Table

from conself.results.show import Figures, number, stages
from conself.runtime.console import show_table

_ROWS = ("accuracy", "unparsable", "mutation_score")


def show_written_tests(console: Console, results: Figures) -> None:
    """Print accuracy, the share of unparsable replies, and the mutation score of each benchmark."""
    table = Table("", "replies", *(name.replace("_", " ") for name in _ROWS), title="Tests", title_justify="left")
    for name, row in results["benchmarks"].items():
        scores = row["written_tests"]
        table.add_row(name, str(scores["n_replies"]), *(number(scores[each]) for each in _ROWS))
    show_table(console, table)
    show_table(console, stages(results["seconds"], results["peak_memory"]))
