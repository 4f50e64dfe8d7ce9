"""Table 1: methods x benchmarks; and the paired comparisons behind it."""

from collections.abc import Sequence

from analysis import paper
from analysis.measures import (
    average,
    benchmarks_of,
    by_seeds,
    groups,
    improvement,
    over_seeds,
    pass_at_1,
    problems_note,
    reference,
    seeds_note,
    shared_benchmarks,
    trained,
)
from analysis.runs import Run
from analysis.spread import by_seed, flat, over_problems, spread
from analysis.table import Cell, Head, Table, missing, table_of

_PASS, _CHANGE = ".1%", "+.1%"
_COMPARED: tuple[Head, ...] = (
    ("model", ""),
    ("benchmark", ""),
    ("method", ""),
    ("against", ""),
    ("seeds", "d"),
    ("difference", _CHANGE),
    ("seeds ahead", ""),
    ("p over seeds", "p"),
    ("difference over problems", _CHANGE),
    ("95% from", _CHANGE),
    ("95% to", _CHANGE),
    ("p over problems", "p"),
    ("test over problems", ""),
    ("McNemar's p per seed", ""),
)


def methods(runs: Sequence[Run]) -> Table:
    """Table 1: pass@1 per method and benchmark, their average, and its relative improvement over the base model."""
    name, caption = (
        "table1_methods",
        "Methods by benchmark: greedy pass@1, and relative improvement (RI) over the base.",
    )
    measured = [run for run in runs if benchmarks_of([run])]
    if not measured:
        return missing(name, caption, "no run has evaluated a model")
    names, shared = benchmarks_of(measured), shared_benchmarks(measured)
    heads: list[Head] = [("model", ""), ("method", ""), ("seeds", "d"), *((name, _PASS) for name in names)]
    heads += [("average", _PASS), ("RI", _CHANGE), *((f"RI, paper: {b}", _CHANGE) for b in paper.BACKBONES)]
    rows: list[tuple[Cell, ...]] = []
    known = list(dict.fromkeys(run.backbone for run in measured))
    for model in known:
        rows += _rows(model, [run for run in measured if run.backbone == model], names, shared)
    rows += _paper_rows(known, names)
    notes = [seeds_note(measured), problems_note(measured), paper.MEASURED_ON]
    if len(names) > 1:
        notes.append(f"The average and RI are over the benchmarks that every run has: {', '.join(shared) or 'none'}.")
    return table_of(name, caption, heads, rows, notes)


def _rows(model: str, runs: Sequence[Run], names: Sequence[str], shared: Sequence[str]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    before = trained(runs)
    if before:
        bases = [flat(over_seeds((run.seed, pass_at_1(run, name, "base")) for run in before)) for name in names]
        of_base = over_seeds((run.seed, average(run, "base", shared)) for run in before)
        mean = flat(of_base) if len(names) > 1 and shared else None
        rows.append((model, "base", len({run.seed for run in before}), *bases, mean, None, None, None, None))
    for _, label, group in groups(runs):
        values = [spread(pass_at_1(run, name, "tuned") for run in group) for name in names]
        mean = spread(average(run, "tuned", shared) for run in group) if len(names) > 1 and shared else None
        ri = spread(improvement(run, shared) for run in group) if shared else None
        printed = [paper.RELATIVE_IMPROVEMENT[b].get(paper.method_of(label)) for b in paper.BACKBONES]
        rows.append((model, label, len(group), *values, mean, ri, *printed))
    return rows


def _paper_rows(models: Sequence[str], names: Sequence[str]) -> list[tuple[Cell, ...]]:
    """The paper's own rows, where our runs have some of its benchmarks: of the same model, or else of all three."""
    if not any(name in paper.COLUMNS for name in names):
        return []
    ours = [found for model in models if (found := paper.backbone_of(model))]
    rows: list[tuple[Cell, ...]] = []
    for backbone in ours or paper.BACKBONES:
        for method, figures in paper.PASS_AT_1[backbone].items():
            cells = [figures.get(paper.COLUMNS.get(name, "")) for name in names]
            ri = paper.RELATIVE_IMPROVEMENT[backbone].get(method)
            mean = figures[paper.AVERAGE]
            rows.append((f"paper: {backbone}", method, 3, *cells, mean, ri, None, None, None))
    return rows


def comparisons(runs: Sequence[Run]) -> Table:
    """Every method against the base model and against ConSelf: over seeds, and over problems."""
    name = "comparisons"
    caption = "Paired comparisons of pass@1: over seeds (paired t-test) and over problems."
    found = trained(runs)
    rows: list[tuple[Cell, ...]] = []
    for model, label, group in groups(found):
        for benchmark in benchmarks_of(group):
            rows.append(_compared(model, benchmark, label, "base", (group, "base"), group))
            others = reference(group, found)
            if others and others[0].label != group[0].label:
                text = others[0].label.replace(f" model={model}", "")
                rows.append(_compared(model, benchmark, label, text, (others, "tuned"), group))
    if not rows:
        return missing(name, caption, "no run has evaluated a model before and after training")
    notes = (
        "Each method stands against the ConSelf that it shares most settings with, measured on as many problems. "
        "Differences are in points of pass@1. Over problems each problem's answers of all seeds are pooled, and the "
        "bootstrap is over problems; one seed alone is McNemar's exact test.",
        "Seeds share the model and the problems, so that p over seeds speaks of sampling and training noise only; with "
        "three seeds it has 2 degrees of freedom. p over problems takes these very trainings as given, and speaks of "
        "other problems, not of other seeds. A claim needs both. No p is corrected for the number of comparisons.",
        problems_note(found),
    )
    return table_of(name, caption, _COMPARED, rows, notes)


def _compared(
    model: str, benchmark: str, label: str, against: str, other: tuple[Sequence[Run], str], group: Sequence[Run]
) -> tuple[Cell, ...]:
    others, side = other
    first = {run.seed: value for run in others if (value := pass_at_1(run, benchmark, side)) is not None}
    second = {run.seed: value for run in group if (value := pass_at_1(run, benchmark, "tuned")) is not None}
    head: tuple[Cell, ...] = (model, benchmark, label, against)
    seeds = by_seed(first, second)
    if seeds is None:
        return (*head, 0, *(None,) * 9)
    before, after = by_seeds(others, benchmark, side), by_seeds(group, benchmark, "tuned")
    problems = over_problems(before, after)
    each = [over_problems({seed: before[seed]}, {seed: after[seed]}) for seed in sorted(before.keys() & after.keys())]
    exact = [found for found in each if found is not None and "McNemar" in found.test]
    ahead = f"{seeds.wins} of {seeds.difference.n}"
    row: tuple[Cell, ...] = (*head, seeds.difference.n, seeds.difference, ahead, seeds.p)
    if problems is None:
        return (*row, *(None,) * 6)
    d = problems.difference
    per_seed = ", ".join(format(found.p, ".2g") for found in exact) or None
    return (*row, d.mean, d.low, d.high, problems.p, problems.test, per_seed)
