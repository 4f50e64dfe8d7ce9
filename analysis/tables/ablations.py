"""Table 4 (ablations) and Table 3 (curricula by metric): the loss of each method against ConSelf, and its cost."""

from collections.abc import Callable, Sequence

from conself.records import Verdict

from .. import paper
from ..measures import (
    average,
    by_seeds,
    golden_rate,
    groups,
    pairs,
    reference,
    seeds_note,
    shared_benchmarks,
    steps,
    trained,
)
from ..runs import Run
from ..spread import Spread, by_seed, over_problems, spread
from .comparisons import bounded
from .paper import beside, method_of, source
from .table import Cell, Head, Table, missing, table_of

_COST: tuple[Head, ...] = (("pairs", "d"), ("steps", "d"), ("golden rate", ".1%"))
_AGAINST: tuple[Head, ...] = (
    ("difference", "+.1%"),
    ("seeds ahead", ""),
    ("p over seeds", "p"),
    ("p over problems", "p"),
)
_TESTS = (
    "Differences to ConSelf are in points of pass@1, seed by seed (paired t-test over seeds, which says little with "
    "few); p over problems is McNemar's exact test for one seed and one benchmark, else a bootstrap over problems, "
    "which takes these trainings as given, says nothing of other seeds, and tells no p below the one marked ≤."
)
_MOST_LIKE = (
    "Of several settings of ConSelf each method stands against the one that it shares most settings with; the table of "
    "comparisons names it."
)


def ablations(runs: Sequence[Run]) -> Table:
    """Return Table 4: average pass@1, relative degradation (RD) against ConSelf, and training data of each method."""
    name, caption = (
        "table4_ablations",
        "Ablations: relative degradation (RD) against ConSelf, with what was trained on.",
    )
    found = trained(runs)
    if not any(run.method == "conself" for run in found):
        return missing(name, caption, "no finished run of conself to compare with")
    if len({run.label for run in found}) < 2:
        return missing(name, caption, "there is nothing beside conself; add experiment=conself,wo_cw,wo_cc")
    benchmarks = shared_benchmarks(found)
    if not benchmarks:
        return missing(name, caption, "the runs have no benchmark in common")
    rows: list[tuple[Cell, ...]] = []
    for model, label, group in groups(found):
        against = reference(group, found)
        of_paper = beside(paper.RELATIVE_DEGRADATION, method_of(group[0], found))
        own = not against or against[0].label == group[0].label
        against_it = (
            (None,) * 5 if own else (_degradation(against, group, benchmarks), *_tested(against, group, benchmarks))
        )
        pass_rate = spread(average(run, "tuned", benchmarks) for run in group)
        rows.append((model, label, len(group), pass_rate, *against_it, *of_paper, *_cost(group)))
    heads: list[Head] = [("model", ""), ("method", ""), ("seeds", "d"), (_head(benchmarks), ".1%"), ("RD", "+.1%")]
    heads += [*_AGAINST, *((f"RD, paper: {b}", "+.2%") for b in paper.BACKBONES), *_COST]
    several = len({run.label for run in found if run.method == "conself"}) > 1
    notes = (seeds_note(found), _TESTS, _MOST_LIKE if several else "", source(heads, rows))
    return table_of(name, caption, heads, rows, notes)


def curricula(runs: Sequence[Run]) -> Table:
    """Return Table 3: the same training on curricula by different metrics, at equal numbers of pairs."""
    name, caption = (
        "table3_curricula",
        "Curricula by metric: pass@1 after the same training on the problems each one picks.",
    )
    found = _of_equal_size(trained(runs))
    if len({run.metric for run in found}) < 2:
        return missing(
            name, caption, "curricula by two metrics are needed; add experiment=curriculum_by_metric metric=…"
        )
    benchmarks = shared_benchmarks(found)
    if not benchmarks:
        return missing(name, caption, "the runs have no benchmark in common")
    rows: list[tuple[Cell, ...]] = []
    for model, label, group in groups(found):
        against = reference(group, _by_entropy(found))
        own = not against or against[0].label == group[0].label
        of_paper = beside(paper.CURRICULA, group[0].metric if method_of(group[0], found) else "")
        against_it = (None,) * 4 if own else _tested(against, group, benchmarks)
        pass_rate = spread(average(run, "tuned", benchmarks) for run in group)
        rows.append((model, group[0].metric, label, len(group), pass_rate, *against_it, *of_paper, *_cost(group)))
    heads: list[Head] = [("model", ""), ("metric", ""), ("run", ""), ("seeds", "d"), (_head(benchmarks), ".1%")]
    heads += [*_AGAINST, *((f"paper: {b}", ".2%") for b in paper.BACKBONES), *_COST]
    of_paper_too = source(heads, rows)
    average_of = "The paper's average is over its benchmarks. " if of_paper_too else ""
    notes = (seeds_note(found), _TESTS, average_of + of_paper_too)
    return table_of(name, caption, heads, rows, notes)


def _of_equal_size(runs: Sequence[Run]) -> list[Run]:
    """Return curricula by metric, and only the ConSelf runs to whose number of pairs they were cut."""
    by_metric = [group for _, _, group in groups(runs) if group[0].method == "curriculum_by_metric"]
    kept = {run.folder for group in by_metric for run in (*group, *reference(group, _by_entropy(runs)))}
    return [run for run in runs if run.folder in kept]


def _by_entropy(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.metric == "code_semantic_entropy"]


def _head(benchmarks: Sequence[str]) -> str:
    return f"pass@1, {benchmarks[0]}" if len(benchmarks) == 1 else f"average pass@1 ({', '.join(benchmarks)})"


def _degradation(against: Sequence[Run], group: Sequence[Run], benchmarks: Sequence[str]) -> Spread | None:
    """Return the change of the average relative to ConSelf's, by seed; of the means if they share no seed."""
    first, second = _averages(against, benchmarks), _averages(group, benchmarks)
    shared = [seed for seed in second if first.get(seed)]
    if shared:
        return spread(second[seed] / first[seed] - 1 for seed in shared)
    before, after = (spread(values.values()) for values in (first, second))
    return spread([after.mean / before.mean - 1]) if before and after and before.mean else None


def _averages(runs: Sequence[Run], benchmarks: Sequence[str]) -> dict[int, float]:
    return {run.seed: value for run in runs if (value := average(run, "tuned", benchmarks)) is not None}


def _tested(against: Sequence[Run], group: Sequence[Run], benchmarks: Sequence[str]) -> tuple[Cell, ...]:
    seeds = by_seed(_averages(against, benchmarks), _averages(group, benchmarks))
    if seeds is None:
        return (None,) * 4
    problems = over_problems(*(_all_verdicts(runs, benchmarks) for runs in (against, group)))
    ahead = f"{seeds.wins} of {seeds.difference.n}"
    return (seeds.difference, ahead, seeds.p, bounded(problems) if problems else None)


def _all_verdicts(runs: Sequence[Run], benchmarks: Sequence[str]) -> dict[int, list[Verdict]]:
    """Return seed -> the verdicts on all benchmarks, for the seeds that have kept all of them."""
    found = {name: by_seeds(runs, name, "tuned") for name in benchmarks}
    seeds = set.intersection(*(set(verdicts) for verdicts in found.values()))
    return {
        seed: [
            Verdict(f"{name}/{verdict.problem_id}", verdict.difficulty, verdict.passed)
            for name, verdicts in found.items()
            for verdict in verdicts[seed]
        ]
        for seed in sorted(seeds)
    }


def _cost(group: Sequence[Run]) -> tuple[Cell, ...]:
    measures: tuple[Callable[[Run], float | None], ...] = (pairs, steps, golden_rate)
    return tuple(spread(measure(run) for run in group) for measure in measures)
