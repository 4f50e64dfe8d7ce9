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

import torch

from experiments.training_speed import flops
from experiments.training_speed.contenders import LEAN, PLAIN, SHARED, TRL
from experiments.training_speed.models import Place
from experiments.training_speed.run import Measured, fastest
from experiments.training_speed.settings import Row, Shape, pairs

BARS = {"speed_vs_trl_best": 2.5, "memory_vs_trl_best": 0.5}
GPU_BAR = 2.8


def result(row: Row, shape: Shape, place: Place, measured: Mapping[str, Measured], seed: int) -> dict[str, Any]:
    """A row of results.json: every contender's figures, and those of ours against TRL's best and the plain loop's.

    Speeds are ratios of seconds (processor time on a CPU) within a round, medians with the least and the most.
    """
    seconds = {name: median(found, place) for name, found in measured.items()}
    trl, plain = fastest(seconds, TRL), fastest(seconds, PLAIN)
    batch = pairs(row, seed)
    return {
        "row": row.name,
        "pairs_per_problem": row.pairs,
        "prompt_tokens": row.prompt,
        "response_tokens": row.response,
        "vocabulary": shape.words,
        "pairs": row.batch,
        "tokens_as_pairs_over_shared": round(flops.token_ratio(batch), 2),
        "trl_best": trl,
        "plain_best": plain,
        "ours": LEAN,
        **_against(measured, LEAN, trl, plain, place),
        "nothing_twice": _against(measured, SHARED, trl, plain, place),
        "contenders": {
            name: {
                "pairs_per_second": _round(row.batch / seconds[name]),
                "seconds": _round(seconds[name]),
                "extra_megabytes": round(found.first.extra_bytes / 1e6, 1),
                "loss": found.first.loss,
                "seconds_by_round": [_round(value) for value in times(found, place)],
                "speed_vs_trl_best": _ratios(measured[trl], found, place),
                **_utilisation(shape, row, seed, seconds[name], place),
            }
            for name, found in measured.items()
        },
    }


def _against(measured: Mapping[str, Measured], ours: str, trl: str, plain: str, place: Place) -> dict[str, Any]:
    mine = measured[ours]
    speed = _ratios(measured[trl], mine, place)
    return {
        "speed_vs_trl_best": speed["median"],
        "speed_vs_trl_best_least_and_most": [speed["min"], speed["max"]],
        "memory_vs_trl_best": _round(mine.first.extra_bytes / measured[trl].first.extra_bytes),
        "speed_vs_plain_loop": _ratios(measured[plain], mine, place)["median"],
        "memory_vs_plain_loop": _round(mine.first.extra_bytes / measured[plain].first.extra_bytes),
    }


def times(found: Measured, place: Place) -> list[float]:
    """Seconds by round; those of the first step where a contender was left behind after it."""
    spent = found.rounds or (found.first.spent,)
    return [one.cpu if place.device == "cpu" else one.wall for one in spent]


def median(found: Measured, place: Place) -> float:
    """Seconds of a step."""
    return statistics.median(times(found, place))


def _ratios(over: Measured, under: Measured, place: Place) -> dict[str, float]:
    """Within rounds; within the first step where one of the two was left behind after it."""
    if over.rounds and under.rounds:
        values = [a / b for a, b in zip(times(over, place), times(under, place), strict=False)]
    else:
        values = [over.first.spent.cpu / under.first.spent.cpu]
    middle = statistics.median(values)
    return {"median": _round(middle), "min": _round(min(values)), "max": _round(max(values))}


def _utilisation(shape: Shape, row: Row, seed: int, seconds: float, place: Place) -> dict[str, float]:
    """Of the operations that a step needs at least, by what the GPU could do in its time; recomputation earns none."""
    most = None if place.device == "cpu" else flops.peak(torch.cuda.get_device_name())
    if most is None:
        return {}
    return {"model_flops_utilisation": _round(flops.model_flops(shape, pairs(row, seed)) / seconds / most)}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as Markdown: the central one by contender, then all of them."""
    first = rows[0]
    lines = [f"Row {first['row']!r}, by contender:", ""]
    lines += ["| contender | pairs/s | extra MB | speed, TRL's best = 1 | model FLOPs utilisation |", "|" + "---|" * 5]
    for name, its in sorted(first["contenders"].items(), key=lambda item: item[1]["pairs_per_second"]):
        lines.append(
            f"| {name} | {its['pairs_per_second']:g} | {its['extra_megabytes']:.0f} "
            f"| {_range(its['speed_vs_trl_best'])} | {its.get('model_flops_utilisation', '-')} |"
        )
    head = "| row | TRL's best | tokens | shared: speed (memory) | half twice | distinct | plain |"
    lines += ["", head, "|" + "---|" * 7]
    for row in rows:
        by, plain = row["contenders"], row["nothing_twice"]
        cells = [
            row["row"],
            row["trl_best"],
            f"{row['tokens_as_pairs_over_shared']:.2f}",
            f"{plain['speed_vs_trl_best']:.2f} ({plain['memory_vs_trl_best']:.2f})",
            f"{row['speed_vs_trl_best']:.2f} ({row['memory_vs_trl_best']:.2f})",
            f"{by['distinct']['speed_vs_trl_best']['median']:.2f}",
            f"{by[row['plain_best']]['speed_vs_trl_best']['median']:.2f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def machine(place: Place) -> dict[str, Any]:
    """What the figures depend on."""
    with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {
        "cores": os.cpu_count(),
        "cpu": models[0] if models else platform.machine(),
        "gpu": None if place.device == "cpu" else torch.cuda.get_device_name(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "threads": 1,
    }


def versions() -> dict[str, str]:
    """Releases of what is compared, and our commit where git knows it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    known = shutil.which("git") is not None
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() if known else ""
    names = ("torch", "transformers", "peft", "trl", "accelerate", "lightning")
    return {name: version(name) for name in names} | {"conself": commit or "unknown"}


def _round(value: float) -> float:
    return float(f"{value:.4g}")


def _range(ratio: Mapping[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})"
