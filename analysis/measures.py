"""The measurements of one run, and comparisons of methods: the numbers that several tables and figures need."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any

from conself.records import Verdict
from conself.store.tables import read_verdicts

from .runs import Run, answers_at, by_label
from .spread import Spread, spread

VERDICTS = "verdicts.jsonl"


def trained(runs: Iterable[Run]) -> list[Run]:
    """Return the runs that trained a model and evaluated it before and after."""
    return [run for run in runs if any("tuned" in entry for entry in _benchmarks(run).values())]


def groups(runs: Sequence[Run]) -> list[tuple[str, str, list[Run]]]:
    """Return (model, label without the model, runs by seed): models in the runs' order, methods in the paper's."""
    models = list(dict.fromkeys(run.backbone for run in runs))
    found = [(group[0].backbone, label, group) for label, group in by_label(runs).items()]
    named = [(model, label.replace(f" model={model}", ""), group) for model, label, group in found]
    return sorted(named, key=lambda item: models.index(item[0]))


def benchmarks_of(runs: Iterable[Run]) -> list[str]:
    """Return the benchmarks for which some run has figures, in the order of the runs."""
    return list(dict.fromkeys(name for run in runs for name in _benchmarks(run)))


def shared_benchmarks(runs: Sequence[Run]) -> list[str]:
    """Return the benchmarks for which every run has figures: averages over benchmarks use these."""
    return [name for name in benchmarks_of(runs) if all(name in _benchmarks(run) for run in runs)]


def figures(run: Run, benchmark: str, side: str) -> Mapping[str, Any]:
    """Return the figures of ``base`` or ``tuned`` on a benchmark; {} if there are none.

    A run of ``conself.evaluate`` has one model only, which counts as ``tuned``.
    """
    entry = _benchmarks(run).get(benchmark, {})
    found: Mapping[str, Any] = entry.get(side, entry if side == "tuned" and "pass@1" in entry else {})
    return found


def pass_at_1(run: Run, benchmark: str, side: str) -> float | None:
    """Return pass@1 in [0, 1] of ``base`` or ``tuned``."""
    value = figures(run, benchmark, side).get("pass@1")
    return None if value is None else float(value)


def average(run: Run, side: str, benchmarks: Sequence[str]) -> float | None:
    """Return the plain mean of pass@1 over benchmarks, as the paper averages; None if one is missing."""
    values = [value for name in benchmarks if (value := pass_at_1(run, name, side)) is not None]
    return sum(values) / len(values) if values and len(values) == len(benchmarks) else None


def improvement(run: Run, benchmarks: Sequence[str]) -> float | None:
    """Return the relative improvement of the average: tuned / base - 1; None if the base solves nothing."""
    base, tuned = (average(run, side, benchmarks) for side in ("base", "tuned"))
    return tuned / base - 1 if base and tuned is not None else None


def pairs(run: Run) -> int | None:
    """Return the number of training pairs (SFT: targets), summed over rounds."""
    return _total(run, "pairs")


def steps(run: Run) -> int | None:
    """Return the number of optimiser steps, summed over rounds."""
    counts = [(figures.get("training") or {}).get("steps") for figures in run.rounds]
    known = [int(count) for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def golden_rate(run: Run) -> float | None:
    """Return the share of pairs whose winner is right and whose loser is wrong, over the pairs of all rounds."""
    found = [(row["golden_rate"], row.get("pairs") or 1) for row in run.rounds if row.get("golden_rate") is not None]
    total = sum(n for _, n in found)
    return sum(rate * n for rate, n in found) / total if total else None


def verdicts(run: Run, benchmark: str, side: str) -> Sequence[Verdict] | None:
    """Return which answers of ``base`` (before any round) or ``tuned`` (of the kept model) are right, or None."""
    path = answers_at(run, benchmark, side) / VERDICTS
    return _read(path) if path.is_file() else None


def sampled(run: Run, benchmark: str, side: str) -> Sequence[Verdict] | None:
    """Return which sampled answers of ``base`` or ``tuned`` are right, K for each problem; None without voters."""
    path = answers_at(run, benchmark, side, "_voters") / VERDICTS
    return _read(path) if path.is_file() else None


def by_seeds(runs: Iterable[Run], benchmark: str, side: str) -> dict[int, Sequence[Verdict]]:
    """Return seed -> verdicts, for the runs that have kept them."""
    return {run.seed: found for run in runs if (found := verdicts(run, benchmark, side)) is not None}


def reference(group: Sequence[Run], others: Sequence[Run], method: str = "conself") -> list[Run]:
    """Return the runs of ``method`` to compare a group with: of the same model, and the most similar label.

    The most similar label agrees in the most settings; of equals, the first one counts. A label that was measured
    on other problems (by their number) does not qualify. Empty if none does.
    """
    same = [run for run in others if run.method == method and run.backbone == group[0].backbone]
    candidates = [run for run in same if _sizes_agree(run, group[0])]
    labels = by_label(candidates)
    if not labels:
        return []
    return max(labels.values(), key=lambda runs: _agreement(runs[0], group[0]))


def over_seeds(values: Iterable[tuple[int, float | None]]) -> Spread | None:
    """Return the spread over seeds of (seed, value); values of one seed count once, as their mean.

    All methods of a seed share the base model's answers, so there are only as many independent samples as seeds.
    """
    by_seed: dict[int, list[float]] = {}
    for seed, value in values:
        if value is not None:
            by_seed.setdefault(seed, []).append(value)
    return spread(fmean(each) for each in by_seed.values())


def seeds_note(runs: Sequence[Run]) -> str:
    """Return a note on the number of seeds behind the figures, and the meaning of ±."""
    found = [[run.seed for run in group] for _, _, group in groups(runs)]
    counts = sorted({len(set(seeds)) for seeds in found})
    text = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    several = "; ± is the sample standard deviation between seeds" if counts[-1] > 1 else ""
    return f"Seeds: {text} per row{several}."


def problems_note(runs: Sequence[Run]) -> str:
    """Return a note on the number of problems of each benchmark."""
    sizes = {
        name: sorted({n for run in runs for side in ("base", "tuned") if (n := figures(run, name, side).get("n"))})
        for name in benchmarks_of(runs)
    }
    listed = [f"{name} {' or '.join(f'{n:,}' for n in ns)}" for name, ns in sizes.items() if ns]
    return f"Problems per benchmark: {', '.join(listed)}." if listed else ""


def _benchmarks(run: Run) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.results.get("benchmarks") or {}
    return found


def _total(run: Run, key: str) -> int | None:
    counts = [figures.get(key) for figures in run.rounds]
    return sum(int(n) for n in counts if n is not None) if any(n is not None for n in counts) else None


def _sizes_agree(one: Run, other: Run) -> bool:
    """Return whether shared benchmarks have equal numbers of problems, as far as known."""
    both = [name for name in _benchmarks(one) if name in _benchmarks(other)]
    sizes = [[figures(run, name, "tuned").get("n") for run in (one, other)] for name in both]
    return all(None in pair or pair[0] == pair[1] for pair in sizes)


def _agreement(one: Run, other: Run) -> int:
    return sum(value == other.settings.get(key) for key, value in one.settings.items())


@lru_cache(maxsize=256)
def _read(path: Path) -> tuple[Verdict, ...]:
    return tuple(read_verdicts(path))
