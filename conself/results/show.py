"""Print the figures of ``results.json`` as small tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from conself.runtime.console import say, show_table

Figures = Mapping[str, Any]


def show(console: Console, results: Figures) -> None:
    """Print the figures of one training run; those that need oracles or a benchmark only if there are any."""
    show_table(console, _overview(results))
    if any(row["n"] for row in results["metrics"].values()):
        show_table(console, _metrics(results))
    by_benchmark = results["benchmarks"]
    if "rounds" in results:
        show_table(console, _rounds(results))
    _show_windows(console, by_benchmark)
    if by_benchmark:
        show_table(console, before_and_after(by_benchmark, ("base", "tuned"), "Before and after training"))
        show_details(
            console, {name: {"base": row["base"], "tuned": row["tuned"]} for name, row in by_benchmark.items()}
        )
    show_table(console, stages(results["seconds"], results["peak_memory"]))


def show_evaluation(console: Console, results: Figures) -> None:
    """Print the figures of one ``conself.evaluate``, beside those of the other evaluation, if there is one."""
    by_benchmark = results["benchmarks"]
    _show_windows(console, by_benchmark)
    if results["versus"] is None:
        table = _new("", *by_benchmark, title="Evaluation (95 % interval)")
        table.add_row("pass@1", *(interval(row) for row in by_benchmark.values()))
        table.add_row("problems", *(str(row["n"]) for row in by_benchmark.values()))
        show_table(console, table)
        show_details(console, {name: {"pass rate": row} for name, row in by_benchmark.items()})
    else:
        both = {name: {"other": row["versus"], "this": row, **row["versus"]} for name, row in by_benchmark.items()}
        show_table(console, before_and_after(both, ("other", "this"), f"Against {results['versus']}"))
        show_details(console, {name: {"other": row["other"], "this": row["this"]} for name, row in both.items()})
    show_table(console, stages(results["seconds"], results["peak_memory"]))


def _show_windows(console: Console, by_benchmark: Mapping[str, Figures]) -> None:
    """Print the release dates of benchmarks' problems, if known."""
    for name, row in by_benchmark.items():
        if "window" in row:
            dates = row["window"]
            start, end = dates["start"] or "its beginning", dates["end"] or "its end"
            say(console, f"{name}: {dates['version']}, problems from {start} to {end}")


def number(value: float | None, form: str = ".3f") -> str:
    """Format a figure; a dash if there is none."""
    return "-" if value is None else format(value, form)


def _new(*columns: str, title: str) -> Table:
    return Table(*columns, title=title, title_justify="left")


def _overview(results: Figures) -> Table:
    table = Table("", "", title="What was learned from", title_justify="left", show_header=False)
    counts = results["problems"]
    low, high = results["entropy_range"]
    table.add_row("problems", f"{counts['total']}")
    table.add_row("  uncertainty defined", f"{counts['eligible']} (from {number(low)} to {number(high)})")
    band = "no filter" if results["tau"] is None else f"tau {results['tau']}"
    table.add_row("  learnable (kept)", f"{counts['kept']} ({band})")
    for reason, n in sorted(counts["dropped"].items(), key=lambda item: -item[1]):
        table.add_row(f"  - {reason}", f"{n}")
    training = results["training"]
    table.add_row("preference pairs", f"{results['pairs']} ({training['steps']} training steps)")
    if training["n_overlong"]:
        table.add_row("  - left out: above training.max_length", f"{training['n_overlong']}")
    table.add_row("  golden (winner right, loser wrong)", number(results["golden_rate"], ".1%"))
    table.add_row("  winners that are right", number(results["winner_accuracy"], ".1%"))
    return table


def _metrics(results: Figures) -> Table:
    title = "How well each metric tells solvable problems (lower = more certain)"
    columns = ["metric", "n", "AUC", "Pearson", "Spearman", "Kendall", *_why(results)]
    table = _new(*columns, title=title)
    for name, row in results["metrics"].items():
        links = [number(row[key][0] if row[key] else None) for key in ("pearson", "spearman", "kendall")]
        why = [", ".join(f"{n}: {reason}" for reason, n in row["undefined"].items()) for _ in _why(results)]
        table.add_row(name, str(row["n"]), number(row["auc"]), *links, *why)
    return table


def _why(results: Figures) -> list[str]:
    """Return the column of reasons if a metric is undefined on many problems; a few are not worth showing."""
    most = max(sum(row["undefined"].values()) for row in results["metrics"].values())
    return ["undefined"] if most > results["problems"]["total"] / 10 else []


def before_and_after(by_benchmark: Mapping[str, Figures], sides: Sequence[str], title: str) -> Table:
    """Build the table of pass@1 of two models per benchmark, with their comparison."""
    table = _new("pass@1", *by_benchmark, title=f"{title} (95 % interval)")
    for variant in sides:
        table.add_row(f"{variant} model", *(interval(row[variant]) for row in by_benchmark.values()))
    table.add_row("relative change", *(number(row["relative_improvement"], "+.1%") for row in by_benchmark.values()))
    table.add_row("difference", *(interval(row["difference"], "+.3f") for row in by_benchmark.values()))
    table.add_row("problems", *(str(row[sides[0]]["n"]) for row in by_benchmark.values()))
    table.add_row("  fixed / broken", *(f"{row['fixed']} / {row['broken']}" for row in by_benchmark.values()))
    for test in dict.fromkeys(row["test"] for row in by_benchmark.values()):
        cells = (f"{row['p']:.1e}" if row["test"] == test else "" for row in by_benchmark.values())
        table.add_row(f"  p ({test})", *cells)
    return table


def show_details(console: Console, by_benchmark: Mapping[str, Mapping[str, Figures]]) -> None:
    """Print pass@k, consensus@k and difficulties (benchmark -> variant -> figures), if any benchmark has them."""
    sides = list(next(iter(by_benchmark.values())))
    table = _new("benchmark", "", "problems", *sides, title="By k and by difficulty (95 % interval)")
    for name, row in by_benchmark.items():
        first = row[sides[-1]]
        if "sampled" in first:
            cells = [interval(side["sampled"], key="value") if "sampled" in side else "-" for side in row.values()]
            table.add_row(name, "one sample", str(first["n"]), *cells)
        for part, key, prefix in _details(first):
            for what, group in first[part].items():
                others = [side.get(part, {}).get(what) for side in row.values()]
                cells = ["-" if other is None else interval(other, key=key) for other in others]
                table.add_row(name, f"{prefix}{what}", str(group.get("n", first["n"])), *cells)
    if table.row_count:
        show_table(console, table)


def _details(figures: Figures) -> list[tuple[str, str, str]]:
    """Yield the figures with parts: their names, the key of each part's value, and the prefix of its name."""
    by_k = [(name, "value", name.removesuffix("k")) for name in figures if name.endswith("@k")]
    rest = (("by_inputs", "pass@1", "inputs: "), ("by_difficulty", "pass@1", ""))
    return [*by_k, *(detail for detail in rest if detail[0] in figures)]


def _rounds(results: Figures) -> Table:
    names = list(results["benchmarks"])
    table = _new("round", "kept", "pairs", "golden", "winners right", *names, title="Rounds (pass@1 before -> after)")
    for turn, row in enumerate(results["rounds"], start=1):
        shares = [number(row[key], ".1%") for key in ("golden_rate", "winner_accuracy")]
        sides = [row["benchmarks"][name] for name in names]
        cells = [f"{side['base']['pass@1']:.3f} -> {side['tuned']['pass@1']:.3f}" for side in sides]
        table.add_row(str(turn), str(row["problems"]["kept"]), str(row["pairs"]), *shares, *cells)
    return table


def interval(side: Figures, form: str = ".3f", key: str = "pass@1") -> str:
    """Format a figure with its 95 % interval."""
    low, high = side["ci95"]
    return f"{side[key]:{form}} [{low:{form}}, {high:{form}}]"


def stages(seconds: Mapping[str, float], peaks: Mapping[str, int]) -> Table:
    """Build the table of time and memory of all stages."""
    total = sum(seconds.values())
    table = _new("stage", "seconds", "share", "peak memory", title="Time and memory of the stages")
    for name, spent in seconds.items():
        held = f"{peaks[name] / 1e9:.1f} GB" if name in peaks else "-"  # reused artifacts have no peak
        table.add_row(name, f"{spent:.1f}", f"{spent / total:.0%}" if total else "-", held)
    table.add_row("total", f"{total:.1f}", "", "")
    return table
