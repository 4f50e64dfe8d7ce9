"""Compute the figures of ``results.json`` of a training run on rollouts."""

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
    """The artifacts of a job: training problems, trained weights, and the answers before, during and after training.

    ``steps`` holds the answers of the snapshots, by number of steps and benchmark; ``written`` the graded tests, by
    ``base`` and ``tuned`` and benchmark.
    """

    problems: Artifact
    selection: Artifact | None
    reinforced: Artifact
    base: Mapping[str, benchmarks.Answered]
    steps: Mapping[int, Mapping[str, benchmarks.Answered]]
    tuned: Mapping[str, benchmarks.Answered]
    written: Mapping[str, Mapping[str, Artifact]]


def figures_of(config: DictConfig, context: Context, trained: Trained) -> dict[str, Plain]:
    """Return all figures of the job, except those of the curriculum's pool, which only ``pipeline=preference`` has."""
    summary, total = trained.reinforced.summary(), trained.problems.summary()
    kept = eligible = total["total"]
    left: dict[str, int] = {}
    if trained.selection is not None:
        kept, left = trained.selection.summary()["kept"], trained.selection.summary()["dropped"]
        eligible = len(json.loads((trained.selection.path / "selection.json").read_text())["normalised"])
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
        "last_steps": _ends(trained.reinforced),
        "benchmarks": _benchmarks(config, trained),
        "by_steps": _by_steps(config, trained),
        **with_remedies(losses(named), named),
        "seconds": context.seconds,
        "peak_memory": context.peaks,
        "artifacts": {name: artifact.key for name, artifact in named.items()},
    }


def _benchmarks(config: DictConfig, trained: Trained) -> dict[str, Plain]:
    """Return answers before and after by benchmark, with ``written_tests`` likewise where tests were graded."""
    figures = benchmarks.benchmarks(config, trained.base, trained.tuned)
    for name, row in figures.items():
        sides = {side: found[name].summary() for side, found in trained.written.items() if name in found}
        if sides and isinstance(row, dict):
            row["written_tests"] = sides
    return figures


def _by_steps(config: DictConfig, trained: Trained) -> dict[str, list[Plain]]:
    """Return, by benchmark, the figures before training, at each snapshot, and with the kept weights."""
    kept = int(trained.reinforced.summary()["kept_step"])
    curves: dict[str, list[Plain]] = {}
    for name in map(str, config.benchmark):
        points = [
            (0, trained.base),
            *((step, answers) for step, answers in trained.steps.items()),
            (kept, trained.tuned),
        ]
        figures_at = {step: benchmarks.answered_figures(answers[name], None, config) for step, answers in points}
        curves[name] = [{"step": step, **figures} for step, figures in sorted(figures_at.items())]
    return curves


def _ends(reinforced: Artifact) -> dict[str, Plain]:
    """Return the first and the last row of the steps."""
    rows = [row for row in read_curve(reinforced.path) if "sampled_tokens" in row]
    return {"first": rows[0], "last": rows[-1]}
