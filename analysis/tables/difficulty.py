"""Table 1's pass rates by the difficulty of the problems, for benchmarks that record it."""

from collections.abc import Mapping, Sequence
from typing import Any

from .. import paper
from ..measures import benchmarks_of, figures, groups, over_seeds, seeds_note
from ..runs import Run
from ..spread import flat, spread
from .paper import models_beside, printed, source
from .table import Cell, Head, Table, missing, table_of

Column = tuple[str, str]
"""A benchmark and one of its difficulties."""


def by_difficulty(runs: Sequence[Run]) -> Table:
    """Return pass@1 per method and difficulty: LiveCodeBench's easy, medium and hard as in the paper, and others."""
    name, caption = "table1_by_difficulty", "Methods by the difficulty of the problems: greedy pass@1."
    columns = list(dict.fromkeys(column for run in runs for side in ("base", "tuned") for column in _of(run, side)))
    if not columns:
        reason = "no benchmark of the runs has problems of several difficulties; add livecodebench or apps to benchmark"
        return missing(name, caption, reason)
    found = [run for run in runs if _of(run, "base") or _of(run, "tuned")]
    models = list(dict.fromkeys(run.backbone for run in found))
    rows = [row for model in models for row in _rows(model, [run for run in found if run.backbone == model], columns)]
    rows += _paper_rows(models, columns)
    heads: list[Head] = [("model", ""), ("method", ""), ("seeds", "d")]
    heads += [(f"{benchmark}, {difficulty}", ".1%") for benchmark, difficulty in columns]
    notes = (seeds_note(found), _sizes(found, columns), source(heads, rows))
    return table_of(name, caption, heads, rows, notes)


def _of(run: Run, side: str) -> dict[Column, Mapping[str, Any]]:
    """Return benchmark and difficulty -> figures of ``base`` or ``tuned``."""
    names = benchmarks_of([run])
    return {(b, d): row for b in names for d, row in (figures(run, b, side).get("by_difficulty") or {}).items()}


def _rows(model: str, runs: Sequence[Run], columns: Sequence[Column]) -> list[tuple[Cell, ...]]:
    """Return the base model's row, which all methods share, and one per method."""
    rows: list[tuple[Cell, ...]] = []
    before = [(run.seed, found) for run in runs if (found := _of(run, "base"))]
    if before:
        cells = [
            over_seeds((seed, found.get(column, {}).get("pass@1")) for seed, found in before) for column in columns
        ]
        rows.append((model, "base", len({seed for seed, _ in before}), *map(flat, cells)))
    for _, label, group in groups(runs):
        after = [_of(run, "tuned") for run in group]
        values = [spread(found.get(column, {}).get("pass@1") for found in after) for column in columns]
        rows.append((model, label, len(group), *values))
    return rows


def _paper_rows(models: Sequence[str], columns: Sequence[Column]) -> list[tuple[Cell, ...]]:
    of_paper = [paper.BY_DIFFICULTY.get(benchmark, {}).get(difficulty, "") for benchmark, difficulty in columns]
    if not any(of_paper):
        return []
    return [
        (f"paper: {backbone}", method, 3, *(printed(row.get(column)) for column in of_paper))
        for backbone in models_beside(models)
        for method, row in paper.PASS_AT_1[backbone].items()
    ]


def _sizes(runs: Sequence[Run], columns: Sequence[Column]) -> str:
    """Return a note on the number of problems of each difficulty."""
    every = [found for run in runs for side in ("base", "tuned") for found in [_of(run, side)]]
    sizes = {column: sorted({found[column]["n"] for found in every if column in found}) for column in columns}
    listed = [f"{b} {d} {' or '.join(f'{n:,}' for n in ns)}" for (b, d), ns in sizes.items()]
    return f"Problems: {', '.join(listed)}."
