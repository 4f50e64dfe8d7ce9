"""All held-out problems together: what a comparison shows, and which difference it could have shown."""

from collections.abc import Callable, Iterator, Sequence

from conself.records import Verdict

from ..measures import benchmarks_of, groups, reference, sampled, trained, verdicts
from ..runs import Run
from ..spread import ByProblem, over_problems
from .comparisons import bounded
from .table import Cell, Head, Table, missing, table_of

Read = Callable[[Run, str, str], Sequence[Verdict] | None]

_CHANGE = "+.1%"
_HEADS: tuple[Head, ...] = (
    ("model", ""),
    ("method", ""),
    ("against", ""),
    ("answers", ""),
    ("seeds", "d"),
    ("problems", "d"),
    ("before", ".1%"),
    ("after", ".1%"),
    ("difference", _CHANGE),
    ("95% from", _CHANGE),
    ("95% to", _CHANGE),
    ("relative", _CHANGE),
    ("p", "p"),
    ("test", ""),
    ("found in 80% from", ".1%"),
)


def held_out(runs: Sequence[Run]) -> Table:
    """Compare every method with the base model and with ConSelf over the problems of all benchmarks together.

    Validation splits are left out: something is chosen on them.
    """
    name = "held_out"
    caption = "All held-out problems together, paired: one greedy answer, and the mean of all sampled ones."
    found = trained(runs)
    rows: list[tuple[Cell, ...]] = []
    for model, label, group in groups(found):
        others = reference(group, found)
        for answers, read in (("greedy", verdicts), ("sampled", sampled)):
            rows += _row(model, label, "base", answers, read, (group, "base"), group)
            if others and others[0].label != group[0].label:
                against = others[0].label.replace(f" model={model}", "")
                rows += _row(model, label, against, answers, read, (others, "tuned"), group)
    if not rows:
        return missing(
            name, caption, "no run has answered a benchmark before and after training, but a validation split"
        )
    notes = (
        f"Benchmarks: {', '.join(_kept(found))}, or those of them that all runs of a row have answered. A benchmark is "
        "left out where its _plus form is there, which has the same problems.",
        "Intervals are bootstraps over problems, and take these very trainings as given. Found in 80% from: the true "
        "difference that a test at 5% finds in four of five samples of as many problems, 2.8 standard errors of this "
        "difference.",
        "Sampled: pass@1 as the mean of a problem's sampled answers, those of voters.n.",
    )
    return table_of(name, caption, _HEADS, rows, notes)


def _kept(runs: Sequence[Run]) -> list[str]:
    """Return the benchmarks that are no validation split in any run, and of two with the same problems the larger."""
    names = [name for name in benchmarks_of(runs) if not any(_is_validation(run, name) for run in runs)]
    return [name for name in names if f"{name}_plus" not in names]


def _is_validation(run: Run, benchmark: str) -> bool:
    settings = (run.config.get("benchmark") or {}).get(benchmark) or {}
    splits = (settings.get("split"), (settings.get("dataset") or {}).get("split"))
    return benchmark.endswith("_validation") or benchmark == run.config.get("validation") or "validation" in splits


def _row(
    model: str,
    label: str,
    against: str,
    answers: str,
    read: Read,
    other: tuple[Sequence[Run], str],
    group: Sequence[Run],
) -> Iterator[tuple[Cell, ...]]:
    """Yield the row, unless the two share no seed with answers to the same problems."""
    runs, side = other
    both = [*runs, *group]
    names = [name for name in _kept(both) if all(read(run, name, "tuned") for run in both)]
    before = {run.seed: them for run in runs if (them := _together(run, names, side, read))}
    after = {run.seed: them for run in group if (them := _together(run, names, "tuned", read))}
    found = over_problems(before, after)
    if found is not None:
        yield (model, label, against, answers, found.seeds, found.problems, *_figures(found))


def _figures(found: ByProblem) -> tuple[Cell, ...]:
    change = found.difference
    relative = change.mean / found.before if found.before else None
    interval = (found.before, found.after, change.mean, change.low, change.high)
    return (*interval, relative, bounded(found), found.test, found.detectable)


def _together(run: Run, benchmarks: Sequence[str], side: str, read: Read) -> list[Verdict] | None:
    """Return the verdicts on all problems of the benchmarks, told apart by benchmark; None if one has none."""
    parts = {name: read(run, name, side) for name in benchmarks}
    if not all(parts.values()):
        return None
    return [Verdict(f"{name}: {v.problem_id}", "", v.passed) for name, part in parts.items() for v in part or ()]
