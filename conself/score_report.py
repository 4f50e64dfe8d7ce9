"""The figures of one ``conself.score`` as the small tables that a person reads."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from conself.reports import number

Figures = Mapping[str, Any]
_LINKS = ("pearson", "spearman", "kendall")


def show(console: Console, results: Figures) -> None:
    """Print the figures; those that need verdicts only where the file has some."""
    console.print(_overview(results))
    console.print(_metrics(results))
    if results["problems"]["judged"]:
        console.print(_selectors(results))
        for title, key, form in (("Golden rate", "golden_rate", ".1%"), ("Pairs", "pairs", "d")):
            console.print(_by_tau(results, f"{title} by tau", key, form))
    console.print(f"per problem: {results['out']}", highlight=False, soft_wrap=True)


def _new(*columns: str, title: str) -> Table:
    return Table(*columns, title=title, title_justify="left")


def _overview(results: Figures) -> Table:
    table = Table("", "", title="The pool", title_justify="left", show_header=False)
    problems, runs = results["problems"], results["executions"]
    table.add_row("problems", str(problems["total"]))
    table.add_row("  with verdicts / solvable", f"{problems['judged']} / {problems['solvable']}")
    table.add_row("candidates", str(results["candidates"]))
    table.add_row("executions", str(runs["executions"]))
    for status, n in sorted(runs["statuses"].items(), key=lambda item: -item[1]):
        table.add_row(f"  {status.replace('_', ' ')}", f"{n / runs['executions']:.1%}")
    table.add_row("programs that lack a module", str(runs["missing_modules"]))
    return table


def _metrics(results: Figures) -> Table:
    """Every metric: its values, and how well it tells solvable problems."""
    title = "Uncertainty (lower = more certain), and how well it tells solvable problems"
    table = _new("metric", "defined", "mean", "range", "n", "AUC", "Pearson", "Spearman", "Kendall", title=title)
    for name, row in results["metrics"].items():
        low, high = row["range"] or (None, None)
        links = [number(row[key][0] if row[key] else None) for key in _LINKS]
        values = (str(row["defined"]), number(row["mean"]), f"{number(low)} to {number(high)}" if row["range"] else "-")
        table.add_row(name, *values, str(row["n"]), number(row["auc"]), *links)
    return table


def _selectors(results: Figures) -> Table:
    table = _new("chosen by", "right", title="One candidate per problem: how often it is right")
    for name, row in results["selectors"].items():
        table.add_row(name.replace("_", " "), number(row["accuracy"], ".1%"))
    return table


def _by_tau(results: Figures, title: str, key: str, form: str) -> Table:
    """One figure of the pairs in the band of each metric that has a value somewhere; a column per tau."""
    found = {name: rows for name, rows in results["golden_by_tau"].items() if any(row["pairs"] for row in rows)}
    taus = [f"{row['tau']:g}" for rows in list(found.values())[:1] for row in rows]
    table = _new("metric", *taus, title=title)
    for name, rows in found.items():
        table.add_row(name, *(number(row[key], form) for row in rows))
    return table
