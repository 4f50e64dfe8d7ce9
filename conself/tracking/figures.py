"""Convert the figures of ``results.json`` for a dashboard: flat numbers to sort runs by, and tables."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from conself.tracking.tracker import Cell, Tracker

Figures = Mapping[str, Any]
Rows = list[list[Cell]]
_CORRELATIONS = ("pearson", "spearman", "kendall")
_TESTS = ("n_replies", "accuracy", "unparsable", "mutation_score")


def record(tracker: Tracker, figures: Figures) -> None:
    """Record all figures of a job in a tracker: each number by its name, and a table for each part that has one.

    Missing ``figures`` are left out. The figures of several rounds are in ``rounds``, with prefixed names:
    ``round1/metrics/nll/auc``, ``round2/tables/metrics``.
    """
    tracker.summarise(flat(figures))
    parts = {"": figures, **{f"round{number}/": part for number, part in _rounds(figures)}}
    for prefix, part in parts.items():
        for name, (key, columns, make) in TABLES.items():
            if part.get(key) and (rows := make(part[key])):
                tracker.tabulate(f"{prefix}tables/{name}", columns, rows)


def flat(figures: Figures, prefix: str = "") -> dict[str, float]:
    """Flatten the numbers of nested figures, under slash-separated names.

    A correlation [r, p] becomes ``pearson`` and ``pearson_p``, any other pair of numbers ``ci95/low`` and
    ``ci95/high``; longer lists are left to the tables, and booleans, None and texts to results.json.
    """
    numbers: dict[str, float] = {}
    for key, value in figures.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            numbers |= flat(value, f"{name}/")
        elif _number(value):
            numbers[name] = value
        elif isinstance(value, tuple | list) and len(value) == 2 and all(map(_number, value)):
            low, high = (name, f"{name}_p") if key in _CORRELATIONS else (f"{name}/low", f"{name}/high")
            numbers |= {low: value[0], high: value[1]}
    for number, part in _rounds(figures):
        numbers |= flat(part, f"{prefix}round{number}/")
    return numbers


def _number(value: Cell | Figures | Sequence[Cell]) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rounds(figures: Figures) -> Iterator[tuple[int, Figures]]:
    rounds = figures.get("rounds")
    return enumerate(rounds if isinstance(rounds, list | tuple) else [], start=1)


def _metrics(figures: Mapping[str, Figures]) -> Rows:
    rows: Rows = []
    for name, row in figures.items():
        links = [cell for key in _CORRELATIONS for cell in (row[key] or (None, None))]
        why = ", ".join(f"{n}: {reason}" for reason, n in row.get("undefined", {}).items())
        rows.append([name, row["n"], row["auc"], *links, why])
    return rows


def _benchmarks(by_benchmark: Mapping[str, Figures]) -> Rows:
    """Yield a row per model; the comparison is in that of the tuned one, or of the evaluated one."""
    rows: Rows = []
    for name, row in by_benchmark.items():
        compared = row if "tuned" in row else row.get("versus", {})
        change: list[Cell] = [compared.get(key) for key in ("relative_improvement", "fixed", "broken", "p")]
        sides = _sides(row)
        for variant, side in sides.items():
            last = variant == list(sides)[-1]
            rows.append([name, variant, side["n"], side["pass@1"], *side["ci95"], *(change if last else [None] * 4)])
    return rows


def _sampled(by_benchmark: Mapping[str, Figures]) -> Rows:
    """Yield the figures of K sampled answers: of any (pass@K), and of the vote (consensus@K, for example)."""
    return [
        [name, variant, measure, int(k), point["value"], *point["ci95"]]
        for name, row in by_benchmark.items()
        for variant, side in _sides(row).items()
        for measure, points in side.items()
        if measure.endswith("@k")
        for k, point in points.items()
    ]


def _sides(row: Figures) -> dict[str, Figures]:
    """Return the models with answers: before and after training; or the other one, if any, and the evaluated one."""
    if "tuned" in row:
        return {variant: row[variant] for variant in ("base", "tuned")}
    evaluated = {"model": row} if "pass@1" in row else {}
    return {**({"versus": row["versus"]} if "versus" in row else {}), **evaluated}


def _written_tests(by_benchmark: Mapping[str, Figures]) -> Rows:
    """Yield a row per model that wrote tests: before and after training, or the evaluated one."""
    rows: Rows = []
    for name, row in by_benchmark.items():
        graded = row.get("written_tests", {})
        sides = {"model": graded} if "accuracy" in graded else graded
        rows += [[name, variant, *(side[key] for key in _TESTS)] for variant, side in sides.items()]
    return rows


def _problems(figures: Figures) -> Rows:
    counts = [[key, figures[key]] for key in ("total", "eligible", "kept")]
    return counts + [[f"dropped: {reason}", n] for reason, n in figures["dropped"].items()]


def _golden(by_metric: Mapping[str, Sequence[Figures]]) -> Rows:
    keys = ("tau", "problems", "pairs", "golden", "golden_rate")
    return [[name, *(point[key] for key in keys)] for name, points in by_metric.items() for point in points]


def _selectors(by_ranking: Mapping[str, Figures]) -> Rows:
    return [[name, row["accuracy"], row["n"]] for name, row in by_ranking.items()]


_P = [column for name in ("Pearson", "Spearman", "Kendall") for column in (name, f"p ({name})")]
_CHANGE = ["relative improvement", "fixed", "broken", "p"]
_INTERVAL = ["low", "high"]
TABLES: dict[str, tuple[str, list[str], Callable[[Any], Rows]]] = {
    "metrics": ("metrics", ["metric", "n", "AUC", *_P, "undefined"], _metrics),
    "benchmarks": ("benchmarks", ["benchmark", "model", "n", "pass@1", *_INTERVAL, *_CHANGE], _benchmarks),
    "sampled": ("benchmarks", ["benchmark", "model", "measure", "k", "value", *_INTERVAL], _sampled),
    "written_tests": (
        "benchmarks",
        ["benchmark", "model", *(name.replace("_", " ") for name in _TESTS)],
        _written_tests,
    ),
    "problems": ("problems", ["problems", "n"], _problems),
    "golden_by_tau": ("golden_by_tau", ["metric", "tau", "problems", "pairs", "golden", "golden rate"], _golden),
    "selectors": ("selectors", ["selector", "accuracy", "n"], _selectors),
}
"""Name of a table -> the key of results.json that it shows, its columns, and the function for its rows."""
