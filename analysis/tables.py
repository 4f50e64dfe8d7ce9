"""Every table that the runs hold figures for, in the paper's order; :mod:`analysis.write` writes them."""

from collections.abc import Callable, Sequence

from analysis.runs import Run
from analysis.table import Cell, Table, missing, number, show
from analysis.table_ablations import ablations, curricula
from analysis.table_comparisons import comparisons
from analysis.table_config import differences, listing
from analysis.table_difficulty import by_difficulty
from analysis.table_methods import methods
from analysis.table_metrics import correlations, golden_rates, selectors
from analysis.table_rounds import ceilings, rounds

__all__ = ["TABLES", "Cell", "Table", "all_tables", "missing", "number", "show"]

TABLES: tuple[Callable[[Sequence[Run]], Table], ...] = (
    methods,
    by_difficulty,
    correlations,
    curricula,
    ablations,
    comparisons,
    golden_rates,
    selectors,
    ceilings,
    rounds,
    differences,
    listing,
)


def all_tables(runs: Sequence[Run]) -> list[Table]:
    """The paper's tables and ours; one for which the runs hold nothing has no rows and says why (``left_out``)."""
    return [table(runs) for table in TABLES]
