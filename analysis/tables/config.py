"""The configurations of the runs: the settings in which they differ, and one row per run."""

from collections.abc import Sequence

from ..labels import differing, telling
from ..measures import benchmarks_of, golden_rate, pairs, pass_at_1, steps
from ..runs import Run, by_label
from .table import Cell, Head, Table, missing, table_of

_LONG = 60  # characters of a setting


def differences(runs: Sequence[Run]) -> Table:
    """Return the settings that are not the same in all runs, by label."""
    name, caption = "config_differences", "Settings in which the runs differ."
    labels = by_label(runs)
    flat = {label: [telling(run.config) for run in group] for label, group in labels.items()}
    everything = [settings for group in flat.values() for settings in group]
    keys = list(dict.fromkeys(key for settings in everything for key in settings))
    keys = differing([{key: settings.get(key, "-") for key in keys} for settings in everything]) if keys else []
    if not keys:
        return missing(name, caption, "there is nothing but the seed in which the runs differ")
    rows: list[tuple[Cell, ...]] = [("seed", *(", ".join(str(run.seed) for run in group) for group in labels.values()))]
    for key in keys:
        values = [" | ".join(dict.fromkeys(s.get(key, "-") for s in group)) for group in flat.values()]
        rows.append((key, *(_short(value) for value in values)))
    notes = ("Settings of speed, logging and seeds are left out; a dash: that run has no such setting.",)
    return table_of(name, caption, [("setting", ""), *((label, "") for label in labels)], rows, notes)


def listing(runs: Sequence[Run]) -> Table:
    """Return one row per run: its folder, its training data and its results."""
    names = benchmarks_of(runs)
    rows: list[tuple[Cell, ...]] = []
    for label, group in by_label(runs).items():
        for run in group:
            passes = [pass_at_1(run, name, side) for name in names for side in ("base", "tuned")]
            seconds = sum((run.results.get("seconds") or {}).values()) or None
            cost = (_kept(run), pairs(run), steps(run), golden_rate(run))
            rows.append((label, run.seed, run.name, *cost, *passes, seconds))
    heads: list[Head] = [("run", ""), ("seed", "d"), ("folder", ""), ("problems kept", "d"), ("pairs", "d")]
    heads += [("steps", "d"), ("golden rate", ".1%")]
    heads += [(f"{name}, {side}", ".1%") for name in names for side in ("base", "tuned")]
    heads.append(("seconds", "d"))
    several = any(len(run.rounds) > 1 for run in runs)
    notes = (
        "Problems kept, pairs, steps and golden rate are of all rounds together." if several else "",
        "Seconds count stages that this run made; those found in the store took next to none.",
    )
    return table_of("runs", "Every run.", heads, rows, notes)


def _kept(run: Run) -> int | None:
    """Return the number of problems in the curriculum, summed over rounds like pairs; None if a round lacks it."""
    counts = [(figures.get("problems") or {}).get("kept") for figures in run.rounds]
    known = [int(count) for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
