"""The figures of ``results.json`` of a training on rollouts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from omegaconf import DictConfig

from conself.pipelines.context import Context
from conself.results import benchmarks
from conself.results.shortfalls import losses, with_remedies
from conself.sandbox.jsonlines import Plain
from conself.store.artifacts import Artifact
from conself.store.curves import read_curve


@dataclass(frozen=True)
class Trained:
    """The artifacts of a job: what was trained on, what came of it, and how it answers before, on the way and after.

    ``steps`` has the answers of the snapshots, by their number of steps, and by benchmark.
    """

    problems: Artifact
    selection: Artifact | None
    reinforced: Artifact
    base: Mapping[str, benchmarks.Answered]
    steps: Mapping[int, Mapping[str, benchmarks.Answered]]
    tuned: Mapping[str, benchmarks.Answered]


def figures_of(config: DictConfig, context: Context, made: Trained) -> dict[str, Plain]:
    """All figures of the job; ``pool`` of what the curriculum measured is left to ``pipeline=preference``."""
    summary, total = made.reinforced.summary(), made.problems.summary()
    kept = eligible = total["total"]
    left: dict[str, int] = {}
    if made.selection is not None:
        kept, left = made.selection.summary()["kept"], made.selection.summary()["dropped"]
        eligible = len(json.loads((made.selection.path / "selection.json").read_text())["normalised"])
    named = context.artifacts
    return {
        "method": config.method,
        "problems": {
            "total": total["total"],
            "eligible": eligible,
            "kept": kept,
            "dropped": {**total["dropped"], **left},
        },
        "tau": None if config.curriculum is None else config.curriculum.get("tau"),
        "training": {name: value for name, value in summary.items() if name not in ("seconds", "phases", "execution")},
        "last_steps": _ends(made.reinforced),
        "benchmarks": benchmarks.benchmarks(config, made.base, made.tuned),
        "by_steps": _by_steps(config, made),
        **with_remedies(losses(named), named),
        "seconds": context.seconds,
        "peak_memory": context.peaks,
        "artifacts": {name: artifact.key for name, artifact in named.items()},
    }


def _by_steps(config: DictConfig, made: Trained) -> dict[str, list[Plain]]:
    """By benchmark, how the model answers before training, at each snapshot, and with the weights that were kept."""
    kept = int(made.reinforced.summary()["kept_step"])
    found: dict[str, list[Plain]] = {}
    for name in map(str, config.benchmark):
        points = [(0, made.base), *((step, answers) for step, answers in made.steps.items()), (kept, made.tuned)]
        known = {step: benchmarks.answered_figures(answers[name], None, config) for step, answers in points}
        found[name] = [{"step": step, **figures} for step, figures in sorted(known.items())]
    return found


def _ends(reinforced: Artifact) -> dict[str, Plain]:
    """The first and the last row of the steps."""
    rows = [row for row in read_curve(reinforced.path) if "sampled_tokens" in row]
    return {"first": rows[0], "last": rows[-1]}
