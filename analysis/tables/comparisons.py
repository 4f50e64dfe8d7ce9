"""The paired comparisons behind Table 1: every method against the base model and against ConSelf."""

from collections.abc import Sequence

from ..measures import benchmarks_of, by_seeds, groups, pass_at_1, problems_note, reference, trained
from ..runs import Run
from ..spread import ByProblem, by_seed, holm, over_problems
from .table import Cell, Head, Table, Written, missing, number, show, table_of

_CHANGE = "+.1%"
_COMPARED: tuple[Head, ...] = (
    ("model", ""),
    ("benchmark", ""),
    ("method", ""),
    ("against", ""),
    ("seeds", "d"),
    ("difference", _CHANGE),
    ("seeds ahead", ""),
    ("p over seeds", "p"),
    ("p over seeds, Holm", "p"),
    ("difference over problems", _CHANGE),
    ("95% from", _CHANGE),
    ("95% to", _CHANGE),
    ("p over problems", "p"),
    ("test over problems", ""),
    ("McNemar's p per seed", ""),
)
_HOLM = (
    "Holm: p over seeds corrected for the number of comparisons with ConSelf that this table has on one benchmark and "
    "model. No other p is corrected."
)
_P = 7  # the column of p over seeds; Holm's comes after it


def comparisons(runs: Sequence[Run]) -> Table:
    """Compare every method with the base model and with ConSelf: over seeds, and over problems."""
    name = "comparisons"
    caption = "Paired comparisons of pass@1: over seeds (paired t-test) and over problems."
    found = trained(runs)
    rows: list[tuple[Cell, ...]] = []
    for model, label, group in groups(found):
        for benchmark in benchmarks_of(group):
            rows += _compared(model, benchmark, label, "base", (group, "base"), group)
            others = reference(group, found)
            if others and others[0].label != group[0].label:
                text = others[0].label.replace(f" model={model}", "")
                rows += _compared(model, benchmark, label, text, (others, "tuned"), group)
    if not rows:
        return missing(name, caption, "no run has evaluated a model before and after training")
    rows = _corrected(rows)
    notes = (
        "Each method stands against the ConSelf that it shares most settings with, measured on as many problems. "
        "Differences are in points of pass@1. Over problems each problem's answers of all seeds are pooled, and the "
        "bootstrap is over problems; one seed alone is McNemar's exact test. ≤: the bootstrap tells no smaller p.",
        "Seeds share the model and the problems, so that p over seeds speaks of sampling and training noise only; with "
        "three seeds it has 2 degrees of freedom. p over problems takes these very trainings as given, and speaks of "
        "other problems, not of other seeds. A claim needs both.",
        _HOLM if any(row[_P + 1] is not None for row in rows) else "No p is corrected for the number of comparisons.",
        problems_note(found),
    )
    return table_of(name, caption, _COMPARED, rows, notes)


def bounded(found: ByProblem) -> Cell:
    """Return the p over problems, with a ≤ if it is as small as the bootstrap can resolve."""
    return Written(found.p, f"≤{show(found.p, 'p')}") if found.least else found.p


def _compared(
    model: str, benchmark: str, label: str, against: str, other: tuple[Sequence[Run], str], group: Sequence[Run]
) -> list[tuple[Cell, ...]]:
    """Return one row without Holm's p; none if the two share no seed."""
    others, side = other
    first = {run.seed: value for run in others if (value := pass_at_1(run, benchmark, side)) is not None}
    second = {run.seed: value for run in group if (value := pass_at_1(run, benchmark, "tuned")) is not None}
    seeds = by_seed(first, second)
    if seeds is None:
        return []
    before, after = by_seeds(others, benchmark, side), by_seeds(group, benchmark, "tuned")
    problems = over_problems(before, after)
    each = [over_problems({seed: before[seed]}, {seed: after[seed]}) for seed in sorted(before.keys() & after.keys())]
    exact = [found for found in each if found is not None and "McNemar" in found.test]
    ahead = f"{seeds.wins} of {seeds.difference.n}"
    row = (model, benchmark, label, against, seeds.difference.n, seeds.difference, ahead, seeds.p)
    if problems is None:
        return [(*row, *(None,) * 6)]
    d = problems.difference
    per_seed = ", ".join(format(found.p, ".2g") for found in exact) or None
    return [(*row, d.mean, d.low, d.high, bounded(problems), problems.test, per_seed)]


def _corrected(rows: Sequence[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    """Return rows with Holm's p: a family is all ConSelf comparisons of one benchmark and model that have a p."""
    families: dict[tuple[Cell, ...], list[int]] = {}
    for at, row in enumerate(rows):
        if row[3] != "base" and row[_P] is not None:
            families.setdefault(row[:2], []).append(at)
    ps: dict[int, float] = {}
    for family in families.values():
        ps |= zip(family, holm([number(rows[at][_P]) or 0.0 for at in family]), strict=True)
    return [(*row[: _P + 1], ps.get(at), *row[_P + 1 :]) for at, row in enumerate(rows)]
