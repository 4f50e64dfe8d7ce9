"""Every table for which the runs hold figures, in the paper's order; :mod:`analysis.write` writes them."""

from collections.abc import Callable, Sequence

from ..runs import Run
from .ablations import ablations, curricula
from .comparisons import comparisons
from .config import differences, listing
from .difficulty import by_difficulty
from .held_out import held_out
from .losses import losses
from .methods import methods
from .metrics import correlations, golden_rates, selectors
from .rounds import ceilings, rounds
from .table import Cell, Table, missing, number, show

__all__ = ["TABLES", "Cell", "Table", "all_tables", "missing", "number", "show"]

TABLES: tuple[Callable[[Sequence[Run]], Table], ...] = (
    methods,
    by_difficulty,
    correlations,
    curricula,
    ablations,
    comparisons,
    held_out,
    golden_rates,
    selectors,
    ceilings,
    rounds,
    losses,
    differences,
    listing,
)


def all_tables(runs: Sequence[Run]) -> list[Table]:
    """Return the paper's tables and ours; a table without data has no rows and says why (``left_out``)."""
    return [table(runs) for table in TABLES]
