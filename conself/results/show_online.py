"""Print the figures of a training run on rollouts as small tables."""

from rich.console import Console
from rich.table import Table

from conself.results.show import Figures, before_and_after, interval, number, show_details, stages
from conself.results.show_written_tests import tests_table
from conself.runtime.console import show_table

_ROWS = {
    "reward": "reward of a response",
    "zero_variance": "problems with equal rewards",
    "unrewarded": "problems without rewards",
    "winner_consensus": "consensus of the winner",
    "distinct_traces": "distinct behaviours of a problem",
    "entropy": "entropy of a token (nats)",
    "length": "tokens of a response",
    "cut": "responses cut by their length",
    "late": "problems late by rollouts.step_timeout",
    "kl": "divergence from the reference",
    "behaviour_kl": "divergence of sampler and learner",
    "ratio_max": "highest ratio of a token",
    "tester_reward": "reward of a reply with tests",
    "unparsable": "replies without a test that can be read",
    "tester_cut": "replies cut by their length",
    "without_right": "problems without a program held right",
    "right_programs": "programs held right, of those that run",
    "right_tests": "tests held right",
    "test_accuracy": "tests that a program held right passes",
    "mutation": "its mutants that a test tells from it",
    "matrix_rank": "rank of who passes what",
}


def show_online(console: Console, results: Figures) -> None:
    """Print the figures of one training run on rollouts."""
    show_table(console, _overview(results))
    show_table(console, _steps(results))
    by_benchmark = results["benchmarks"]
    if by_benchmark:
        show_table(console, before_and_after(by_benchmark, ("base", "tuned"), "Before and after training"))
        show_details(
            console, {name: {"base": row["base"], "tuned": row["tuned"]} for name, row in by_benchmark.items()}
        )
    sides = {name: row["written_tests"] for name, row in by_benchmark.items() if "written_tests" in row}
    if sides:
        rows = {f"{name}, {side}": scores for name, row in sides.items() for side, scores in row.items()}
        show_table(console, tests_table(rows))
    for name, points in results["by_steps"].items():
        if len(points) > 2:
            show_table(console, _points(name, points))
    show_table(console, stages(results["seconds"], results["peak_memory"]))


def _overview(results: Figures) -> Table:
    table = Table("", "", title="What was learned from", title_justify="left", show_header=False)
    counts, training = results["problems"], results["training"]
    table.add_row("problems", f"{counts['total']}")
    table.add_row("  trained on", f"{training['n_problems']}")
    table.add_row("  held out for the guard", f"{training['n_held_out']}")
    if training["n_labelled"]:
        table.add_row("  labelled, and not trained on", f"{training['n_labelled']}")
    for reason, n in sorted(counts["dropped"].items(), key=lambda item: -item[1]):
        table.add_row(f"  - {reason}", f"{n}")
    if training["n_overlong"]:
        table.add_row("  - no room for a response in training.max_length", f"{training['n_overlong']}")
    table.add_row("steps", f"{training['steps']}")
    if training["skipped"]:
        table.add_row("  - nothing to learn: rewards all alike", f"{training['skipped']}")
    if training.get("late"):  # not in results of earlier versions
        table.add_row("  - problems late by rollouts.step_timeout", f"{training['late']}")
    if training["stopped"] is not None:
        table.add_row("  stopped", training["stopped"])
    if training["kept_step"] != training["steps"]:
        table.add_row("  weights kept", f"those after {training['kept_step']} steps")
    for key, words in {"sampled": "sampled", "probe": "sampled by the guard", "trained": "trained on"}.items():
        table.add_row(f"tokens {words}", f"{training[f'{key}_tokens']:,}")
    return table


def _steps(results: Figures) -> Table:
    table = Table("", "first", "last", title="The first and the last step", title_justify="left")
    ends = results["last_steps"]
    for name, words in _ROWS.items():
        if any(name in row for row in ends.values()):
            table.add_row(words, *(number(row.get(name)) for row in ends.values()))
    return table


def _points(name: str, points: list[Figures]) -> Table:
    """Build the table of pass@1 by the number of steps, with the figures of voters, if any."""
    ks = [key for key in points[0] if key.endswith("@k")]
    heads = [f"{key.removesuffix('k')}{k}" for key in ks for k in points[0][key]]
    table = Table("steps", "pass@1", *heads, title=f"{name}, by steps (95 % interval)", title_justify="left")
    for point in points:
        cells = [interval(value, key="value") for key in ks for value in point[key].values()]
        table.add_row(str(point["step"]), interval(point), *cells)
    return table
