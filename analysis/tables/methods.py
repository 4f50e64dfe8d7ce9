"""Table 1: methods x benchmarks, their average and its gain over the base model."""

from collections.abc import Sequence

from .. import paper
from ..measures import (
    average,
    benchmarks_of,
    groups,
    improvement,
    over_seeds,
    pass_at_1,
    problems_note,
    seeds_note,
    shared_benchmarks,
    trained,
)
from ..runs import Run
from ..spread import flat, spread
from .paper import beside, method_of, models_beside, printed, source
from .table import Cell, Head, Table, missing, table_of

_PASS, _CHANGE = ".1%", "+.1%"


def methods(runs: Sequence[Run]) -> Table:
    """Return Table 1: pass@1 per method and benchmark, the average, and its relative improvement over the base."""
    name, caption = (
        "table1_methods",
        "Methods by benchmark: greedy pass@1, and relative improvement (RI) over the base.",
    )
    measured = [run for run in runs if benchmarks_of([run])]
    if not measured:
        return missing(name, caption, "no run has evaluated a model")
    names, shared = benchmarks_of(measured), shared_benchmarks(measured)
    heads: list[Head] = [("model", ""), ("method", ""), ("seeds", "d"), *((name, _PASS) for name in names)]
    heads += [("average", _PASS), ("RI", _CHANGE), *((f"RI, paper: {b}", "+.2%") for b in paper.BACKBONES)]
    rows: list[tuple[Cell, ...]] = []
    known = list(dict.fromkeys(run.backbone for run in measured))
    for model in known:
        rows += _rows(model, [run for run in measured if run.backbone == model], names, shared)
    rows += _paper_rows(known, names)
    notes = [seeds_note(measured), problems_note(measured), source(heads, rows)]
    if len(names) > 1:
        notes.append(f"The average and RI are over the benchmarks that every run has: {', '.join(shared) or 'none'}.")
    return table_of(name, caption, heads, rows, notes)


def _rows(model: str, runs: Sequence[Run], names: Sequence[str], shared: Sequence[str]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    before = [run for run in trained(runs) if any(pass_at_1(run, name, "base") is not None for name in names)]
    if before:
        bases = [flat(over_seeds((run.seed, pass_at_1(run, name, "base")) for run in before)) for name in names]
        of_base = over_seeds((run.seed, average(run, "base", shared)) for run in before)
        mean = flat(of_base) if len(names) > 1 and shared else None
        rows.append((model, "base", len({run.seed for run in before}), *bases, mean, None, None, None, None))
    for _, label, group in groups(runs):
        values = [spread(pass_at_1(run, name, "tuned") for run in group) for name in names]
        mean = spread(average(run, "tuned", shared) for run in group) if len(names) > 1 and shared else None
        ri = spread(improvement(run, shared) for run in group) if shared else None
        of_paper = beside(paper.RELATIVE_IMPROVEMENT, method_of(group[0], runs))
        rows.append((model, label, len(group), *values, mean, ri, *of_paper))
    return rows


def _paper_rows(models: Sequence[str], names: Sequence[str]) -> list[tuple[Cell, ...]]:
    """Return the paper's own rows, if our runs have some of its benchmarks."""
    if not any(name in paper.COLUMNS for name in names):
        return []
    rows: list[tuple[Cell, ...]] = []
    for backbone in models_beside(models):
        for method, row in paper.PASS_AT_1[backbone].items():
            cells = [printed(row.get(paper.COLUMNS.get(name, ""))) for name in names]
            ri = printed(paper.RELATIVE_IMPROVEMENT[backbone].get(method), "+.2%")
            mean = printed(row[paper.AVERAGE])
            rows.append((f"paper: {backbone}", method, 3, *cells, mean, ri, None, None, None))
    return rows
