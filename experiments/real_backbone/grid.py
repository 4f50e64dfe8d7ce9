"""A setting chosen on a validation split: what every method reaches with every value, and what that cost.

``python -m experiments.real_backbone.grid KEY --runs FOLDER --out FOLDER``; KEY is a setting of the runs, such as
``training.learning_rate`` or ``tau``. Writes ``grid_KEY.md`` and ``.csv``. No benchmark is read.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from analysis.measures import figures, golden_rate, pairs, steps, trained
from analysis.runs import Run, read_runs
from analysis.tables.table import Cell, Head, Table, table_of
from analysis.write import csv_text, markdown

_HEADS: tuple[Head, ...] = (
    ("method", ""),
    ("seed", "d"),
    ("pairs", "d"),
    ("steps", "d"),
    ("golden rate", ".3f"),
    ("base, sampled", ".3f"),
    ("sampled", ".3f"),
    ("base, greedy", ".3f"),
    ("greedy", ".3f"),
    ("training, s", "d"),
    ("answers, s", "d"),
    ("mean", ".4f"),
)
_SUFFIX = "_validation"


def grid(runs: Sequence[Run], key: str) -> Table:
    """Return the grid: a row for each value and method, and each value's mean over the methods of all values.

    A method's accuracy is pass@1 over the sampled answers to the validation problems. The chosen value has the highest
    mean; of equal ones it is the smallest. A value that some method was not run with has no mean.

    Raises:
        ValueError: there is no run, a run lacks the key, was measured on anything but one validation split, or has no
            sampled answers; or two runs have the same value, method and seed; or no value has all methods and seeds.
    """
    if not runs:
        raise ValueError("there are no runs that trained a model")
    benchmark = _benchmark(runs)
    cells = {(_value(run, key), run.method, run.seed): run for run in runs}
    values, others = sorted({value for value, _, _ in cells}), sorted({(method, seed) for _, method, seed in cells})
    means = {
        value: round(
            fmean(_accuracy(cells[value, *other], benchmark) for other in others), 12
        )  # so that equal ones tie
        for value in values
        if all((value, *other) in cells for other in others)
    }
    if len(cells) < len(runs) or not means:
        raise ValueError(
            f"{len(runs)} runs are no grid of {len(values)} values of {key} by {len(others)} methods and seeds"
        )
    chosen = max(means, key=lambda value: (means[value], -value))
    rows: list[tuple[Cell, ...]] = []
    for value in values:
        for number, (method, seed) in enumerate(
            (method, seed) for method, seed in others if (value, method, seed) in cells
        ):
            mean = means.get(value) if number == 0 else None
            rows.append((f"{value:g}", *_row(cells[value, method, seed], benchmark), mean))
    (n, *more) = sorted({figures(run, benchmark, "tuned")["n"] for run in runs})
    if more:
        raise ValueError(f"the runs were measured on {n} to {more[-1]} problems of {benchmark}, which do not compare")
    total = sum(_seconds(run, "fit") + _answers(run, benchmark) for run in runs)
    left = [f"{value:g}" for value in values if value not in means]
    verdict = "Chosen" if len(means) > 1 or len(values) == 1 else "The only one with all methods"
    by = f"by the highest mean of sampled pass@1 over methods on {n} problems of {benchmark}"
    notes = (
        f"{verdict}: {key}={chosen:g}, {by}.",
        f"Not every method was run with {', '.join(left)}." if left else "",
        f"Training and answers of all cells took {total / 60:.0f} minutes, without what they found in the store.",
    )
    return table_of(f"grid_{key}", f"{key} on a validation split.", ((key, ""), *_HEADS), rows, notes)


def _row(run: Run, benchmark: str) -> tuple[Cell, ...]:
    sides = [figures(run, benchmark, side) for side in ("base", "tuned")]
    accuracies = [_sampled(side) for side in sides] + [float(side["pass@1"]) for side in sides]
    costs = (_seconds(run, "fit"), _answers(run, benchmark))
    base_sampled, sampled, base_greedy, greedy = accuracies
    found = (run.method, run.seed, pairs(run), steps(run), golden_rate(run))
    return (*found, base_sampled, sampled, base_greedy, greedy, *costs)


def _benchmark(runs: Sequence[Run]) -> str:
    names: set[str] = {name for run in runs for name in run.results.get("benchmarks") or {}}
    if len(names) != 1 or not (name := names.pop()).endswith(_SUFFIX):
        raise ValueError("settings are chosen by one validation split; give runs with benchmark=[NAME_validation]")
    return name


def _value(run: Run, key: str) -> float:
    node: Any = run.config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    if isinstance(node, bool) or not isinstance(node, int | float):
        raise ValueError(f"{run.name} has no number {key}, but {node!r}")
    return float(node)


def _accuracy(run: Run, benchmark: str) -> float:
    return _sampled(figures(run, benchmark, "tuned"))


def _sampled(side: Any) -> float:
    if "sampled" not in side:
        raise ValueError("a run has no sampled answers; give it voters.n=4 or more")
    return float(side["sampled"]["value"])


def _seconds(run: Run, stage: str) -> float:
    return float((run.results.get("seconds") or {}).get(stage) or 0.0)


def _answers(run: Run, benchmark: str) -> float:
    stages = (f"evaluate/{benchmark}/tuned", f"evaluate/{benchmark}/tuned_voters", f"vote/{benchmark}/tuned_voters")
    return sum(_seconds(run, stage) for stage in stages)


def main(words: list[str] | None = None) -> None:
    """Write the grid of the runs below a folder and print it."""
    parser = argparse.ArgumentParser(prog="python -m experiments.real_backbone.grid", description=__doc__)
    parser.add_argument("key", metavar="KEY")
    parser.add_argument("--runs", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    asked = parser.parse_args(words)
    try:
        table = grid(trained(read_runs(asked.runs)), asked.key)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
    asked.out.mkdir(parents=True, exist_ok=True)
    for suffix, text in ((".md", markdown(table)), (".csv", csv_text(table))):
        (asked.out / f"{table.name}{suffix}").write_text(text, encoding="utf-8")
    print(markdown(table))


if __name__ == "__main__":
    main()
