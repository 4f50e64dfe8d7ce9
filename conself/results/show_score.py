"""Print the figures of one ``conself.score`` as small tables."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from conself.results.show import number
from conself.runtime.console import say, show_table

Figures = Mapping[str, Any]
_LINKS = ("pearson", "spearman", "kendall")
_COVERAGES = (0.1, 0.25, 0.5, 0.75, 1.0)
_TAUS = (0.1, 0.3, 0.5, 0.7, 1.0)  # of those in summary.json, as many as fit into a line


def show(console: Console, results: Figures) -> None:
    """Print the figures; those that need verdicts only if the file has some."""
    show_table(console, _overview(results))
    judged = results["pool"]["judged"]
    if any(row["n" if judged else "defined"] for row in results["metrics"].values()):
        show_table(console, _foretelling(results) if judged else _values(results))
    for name, row in results["metrics"].items():
        for reason, n in row["undefined"].items():
            say(console, f"{name} has no value on {n} problem{'s' * (n > 1)}: {reason}")
    if judged:
        show_table(console, _selectors(results))
        show_table(console, _by_tau(results))
    if judged and "confidence" in results:
        show_table(console, _abstention(results["confidence"]))
    if "amplification" in results:
        show_table(console, _amplification(results["amplification"]))
    say(console, f"per problem: {results['out']}")


def _new(*columns: str, title: str) -> Table:
    return Table(*columns, title=title, title_justify="left")


def _overview(results: Figures) -> Table:
    table = Table("", "", title="The pool", title_justify="left", show_header=False)
    pool, runs = results["pool"], results["executions"]
    table.add_row("problems", str(pool["problems"]))
    table.add_row("  with verdicts / solvable", f"{pool['judged']} / {pool['solvable']}")
    table.add_row("candidates", str(pool["candidates"]))
    table.add_row("executions", str(runs["executions"]))
    for status, n in sorted(runs["statuses"].items(), key=lambda item: -item[1]):
        table.add_row(f"  {status.replace('_', ' ')}", f"{n / runs['executions']:.1%}")
    table.add_row("programs that lack a module", str(runs["missing_modules"]))
    return table


def _foretelling(results: Figures) -> Table:
    title = "How well each metric tells solvable problems"
    table = _new("metric", "n", "AUC", "Pearson", "Spearman", "Kendall", title=title)
    for name, row in results["metrics"].items():
        if row["n"]:
            links = [number(row[key][0] if row[key] else None) for key in _LINKS]
            table.add_row(name, str(row["n"]), number(row["auc"]), *links)
    return table


def _values(results: Figures) -> Table:
    table = _new("metric", "problems", "mean", "least", "largest", title="Uncertainty (lower = more certain)")
    for name, row in results["metrics"].items():
        if row["defined"]:
            table.add_row(name, str(row["defined"]), number(row["mean"]), *map(number, row["range"]))
    return table


def _selectors(results: Figures) -> Table:
    table = _new("chosen by", "n", "right", title="One candidate per problem")
    for name, row in results["selectors"].items():
        table.add_row(name.replace("_", " "), str(row["n"]), number(row["accuracy"], ".1%"))
    return table


def _abstention(figures: Figures) -> Table:
    """Build the table of accuracy at some coverages, and of calibration."""
    table = _new("answered", "right", "sure by at least", title=f"Surest winners first (labels: {figures['labels']})")
    for share in _COVERAGES:
        reached = [point for point in figures["abstention"] if point["coverage"] >= share] or figures["abstention"][-1:]
        for point in reached[:1]:
            table.add_row(f"{point['coverage']:.0%}", f"{point['accuracy']:.1%}", f"{point['threshold']:.2f}")
    table.caption = f"fitted on {', '.join(figures['fitted_on'])}; Brier {number(figures['brier'])}, " + (
        f"calibration error {number(figures['calibration_error'])}, AUROC {number(figures['auroc'])}"
    )
    return table


def _amplification(figures: Figures) -> Table:
    table = Table("", "", title="Inputs", title_justify="left", show_header=False)
    table.add_row("own", str(figures["own"]))
    table.add_row("new ones tried / kept", f"{figures['proposed']} / {figures['kept']}")
    for reason, n in figures["left_out"].items():
        table.add_row(f"  left out: {reason}", str(n))
    table.add_row("problems with new ones", str(figures["problems"]))
    table.add_row("executions on new ones", str(figures["executions"]))
    return table


def _by_tau(results: Figures) -> Table:
    """Build the table of golden rates: of the pairs in each metric's band, those with right winner and wrong loser."""
    taus = [f"{value:g}" for value in _TAUS]
    table = _new("metric", *taus, "pairs", title="Golden pairs (right against wrong) below tau")
    for name, rows in results["golden_by_tau"].items():
        if rows[-1]["pairs"]:
            rates = (number(row["golden_rate"], ".0%") for row in rows if row["tau"] in _TAUS)
            table.add_row(name, *rates, str(rows[-1]["pairs"]))
    return table
