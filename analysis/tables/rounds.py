"""Rounds of self-improvement, and the ceilings that bound it: consensus@K and pass@K."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..measures import benchmarks_of, figures, groups, over_seeds, problems_note, seeds_note
from ..runs import Run
from ..spread import flat, spread
from .table import Cell, Head, Table, missing, table_of

_ROUND: tuple[Head, ...] = (
    ("kept", "d"),
    ("pairs", "d"),
    ("golden rate", ".1%"),
    ("winners right", ".1%"),
    ("highest entropy", ".3f"),
)


def rounds(runs: Sequence[Run]) -> Table:
    """Return every round's figures, for runs with several rounds."""
    name, caption = "rounds", "Rounds: each starts from the model that the last one made."
    several = [run for run in runs if run.results.get("rounds")]
    if not several:
        return missing(name, caption, "no run has more than one round; add rounds=3")
    names = benchmarks_of(several)
    rows: list[tuple[Cell, ...]] = []
    for model, label, group in groups(several):
        for number in range(max(len(run.rounds) for run in group)):
            done = [run.rounds[number] for run in group if len(run.rounds) > number]
            rows.append((model, label, number + 1, len(done), *_of_round(done, names)))
    heads: list[Head] = [("model", ""), ("method", ""), ("round", "d"), ("seeds", "d"), *_ROUND]
    heads += [(f"{name}, {side}", ".1%") for name in names for side in ("before", "after")]
    stopped = sorted({f"{run.label}, seed {run.seed}: {s}" for run in several if (s := run.results.get("stopped"))})
    notes = (seeds_note(several), problems_note(several), *stopped)
    return table_of(name, caption, heads, rows, notes)


def _of_round(done: Sequence[Mapping[str, Any]], names: Sequence[str]) -> tuple[Cell, ...]:
    entries = [row.get("benchmarks") or {} for row in done]
    passes = [
        spread(entry.get(name, {}).get(side, {}).get("pass@1") for entry in entries)
        for name in names
        for side in ("base", "tuned")
    ]
    highest = [(row.get("entropy_range") or [None, None])[1] for row in done]
    return (
        spread((row.get("problems") or {}).get("kept") for row in done),
        spread(row.get("pairs") for row in done),
        spread(row.get("golden_rate") for row in done),
        spread(row.get("winner_accuracy") for row in done),
        spread(highest),
        *passes,
    )


def ceilings(runs: Sequence[Run]) -> Table:
    """Return greedy pass@1 beside consensus@K and pass@K: the results of voting and of a perfect choice."""
    name, caption = "ceilings", "Greedy pass@1 beside two ceilings: functional majority vote (consensus@K) and pass@K."
    rows: list[tuple[Cell, ...]] = []
    sampled = {run.folder: _all_ks(run) for run in runs}
    voting = [run for run in runs if sampled[run.folder]]
    ks = sorted(set().union(*sampled.values()))
    if not ks:
        return missing(name, caption, "no run has sampled several answers to a benchmark; add voters.n=15")
    measured = groups(voting)
    for model in dict.fromkeys(model for model, _, _ in measured):
        mine = [(label, "tuned", group) for name, label, group in measured if name == model]
        everyone = ("base", "base", [run for _, _, group in mine for run in group])
        for label, side, some in [everyone, *mine]:
            rows += _ceilings(model, label, side, some, ks)
    heads: list[Head] = [("model", ""), ("method", ""), ("benchmark", ""), ("seeds", "d")]
    heads += [
        ("greedy pass@1", ".1%"),
        ("sampled pass@1", ".1%"),
        *((f"{kind}@{k}", ".1%") for k in ks for kind in ("consensus", "pass")),
    ]
    notes = (
        "consensus@K: the answer with the highest consensus score on the inputs, of K sampled ones, is right. "
        "pass@K: some answer of K is right. Voting needs no oracle; pass@K is what a perfect choice would reach.",
        seeds_note(voting),
        problems_note(voting),
    )
    return table_of(name, caption, heads, rows, notes)


def _all_ks(run: Run) -> set[int]:
    return {k for name in benchmarks_of([run]) for side in ("base", "tuned") for k in _ks(run, name, side)}


def _ks(run: Run, benchmark: str, side: str) -> list[int]:
    found = figures(run, benchmark, side)
    return [int(k) for k in {**(found.get("pass@k") or {}), **(found.get("consensus@k") or {})}]


def _ceilings(model: str, label: str, side: str, group: Sequence[Run], ks: Sequence[int]) -> Iterator[tuple[Cell, ...]]:
    """Yield one row per benchmark and the runs with several answers to it; the base model's cover all methods."""
    for benchmark in benchmarks_of(group):
        rows = [(run.seed, figures(run, benchmark, side)) for run in group if _ks(run, benchmark, side)]
        if not rows:
            continue
        cells = [
            over_seeds((seed, row.get("pass@1")) for seed, row in rows),
            over_seeds((seed, _value(row, "sampled")) for seed, row in rows),
        ]
        for k in ks:
            kinds = ("consensus@k", "pass@k")
            cells += [over_seeds((seed, _value(row.get(kind) or {}, str(k))) for seed, row in rows) for kind in kinds]
        seeds = len({seed for seed, _ in rows})
        yield (model, label, benchmark, seeds, *(flat(cell) if side == "base" else cell for cell in cells))


def _value(figures: Mapping[str, Any], key: str) -> float | None:
    value = (figures.get(key) or {}).get("value")
    return None if value is None else float(value)
