"""Compute the benchmark figures of ``results.json`` from artifacts; :mod:`conself.results.show` prints them."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from conself.records import Verdict
from conself.results import names
from conself.sandbox.jsonlines import Plain
from conself.statistics.pass_rates import estimate, paired, pass_rates, usual_ks
from conself.store.artifacts import Artifact
from conself.store.keys import class_label
from conself.store.tables import read_verdicts, write_json

NAME = "results.json"
"""Of the figures, in a run folder."""


def pass_figures(verdicts: Sequence[Verdict], ks: Sequence[int] | None) -> dict[str, Plain]:
    """Return the figures of one model on one benchmark: pass@1, n (problems) and ci95, and optional ones.

    ``pass@k`` is included for ``ks`` above 1 (None: those of 1, 10 and 100 that the answers allow), ``by_difficulty``
    for benchmarks with several. If answers are also judged by the original inputs alone, ``by_inputs`` has both figures
    as in EvalPlus: ``base``, and ``plus`` (base and more), which is the overall figure.

    Raises:
        ValueError: a problem has fewer answers than one of ``ks``, or there are no problems.
    """

    def mean(group: Sequence[Verdict], k: int) -> tuple[float, list[float]]:
        mean_estimate = estimate(pass_rates(group, k))
        return mean_estimate.mean, [mean_estimate.low, mean_estimate.high]

    def first(group: Sequence[Verdict]) -> dict[str, Plain]:
        value, interval = mean(group, 1)
        return {"pass@1": value, "n": len(group), "ci95": interval}

    figures = first(verdicts)
    if more := [k for k in (usual_ks(verdicts) if ks is None else ks) if k != 1]:
        means = {str(k): mean(verdicts, k) for k in more}
        figures["pass@k"] = {k: {"value": value, "ci95": interval} for k, (value, interval) in means.items()}
    if all(v.base is not None for v in verdicts):
        base = [replace(v, passed=v.base or (), base=None) for v in verdicts]
        figures["by_inputs"] = {"base": first(base), "plus": first(verdicts)}
    names = dict.fromkeys(v.difficulty for v in verdicts)
    if len(names) > 1:
        groups = {name: [v for v in verdicts if v.difficulty == name] for name in names}
        figures["by_difficulty"] = {name or "not given": first(group) for name, group in groups.items()}
    return figures


def paired_figures(before: Sequence[Verdict], after: Sequence[Verdict]) -> dict[str, Plain]:
    """Compare two models on the same problems: relative change of pass@1, difference, fixed and broken, p, its test.

    Raises:
        ValueError: the problems are not the same; names those that differ.
    """
    test = paired(before, after)
    start = estimate(pass_rates(before, 1)).mean
    return {
        "relative_improvement": test.difference.mean / start if start > 0 else None,
        "difference": {"pass@1": test.difference.mean, "ci95": [test.difference.low, test.difference.high]},
        "fixed": test.fixed,
        "broken": test.broken,
        "p": test.p,
        "test": test.test,
    }


def benchmark_figures(base: Sequence[Verdict], tuned: Sequence[Verdict]) -> dict[str, Plain]:
    """Return the figures of the model before and after training, and their comparison."""
    return {"base": pass_figures(base, None), "tuned": pass_figures(tuned, None), **paired_figures(base, tuned)}


@dataclass(frozen=True)
class Answered:
    """A model's answers to one benchmark: alone and, with voters, all of theirs and their vote."""

    alone: Artifact
    voters: Artifact | None = None
    vote: Artifact | None = None

    def named(self, benchmark: str, variant: str) -> dict[str, Artifact]:
        """Return the artifacts by name."""
        artifacts = {
            names.evaluated(benchmark, variant): self.alone,
            names.evaluated(benchmark, names.voters(variant)): self.voters,
            names.vote(benchmark, variant): self.vote,
        }
        return {name: artifact for name, artifact in artifacts.items() if artifact is not None}


def benchmarks(config: DictConfig, base: Mapping[str, Answered], tuned: Mapping[str, Answered]) -> dict[str, Plain]:
    """Return, per benchmark, the figures before and after training, including any voters."""
    figures: dict[str, Plain] = {}
    for name in map(str, config.benchmark):
        before, after = verdicts(base[name].alone), verdicts(tuned[name].alone)
        sides = {"base": base[name], "tuned": tuned[name]}
        rows = {variant: answered_figures(answered, None, config) for variant, answered in sides.items()}
        figures[name] = {**window(config.benchmark[name]), **rows, **paired_figures(before, after)}
    return figures


def answered_figures(answered: Answered, ks: Sequence[int] | None, config: DictConfig) -> dict[str, Plain]:
    """Return :func:`pass_figures` of a model on one benchmark, with the figures of its voters, if any."""
    figures = pass_figures(verdicts(answered.alone), ks)
    if answered.voters is None or answered.vote is None:
        return figures
    return with_voters(figures, verdicts(answered.voters), verdicts(answered.vote), class_label(config.voters.ranking))


def window(benchmark: DictConfig) -> dict[str, Plain]:
    """Return the release dates between which a benchmark's problems lie, if it has such a window.

    ``{"window": {"version", "start", "end"}}``, the ends as days or None.
    """
    data, keys = benchmark.get("dataset") or {}, ("version", "start", "end")
    return {"window": {key: data[key] for key in keys}} if set(keys) <= set(data) else {}


def with_voters(
    figures: Mapping[str, Plain], sampled: Sequence[Verdict], voted: Sequence[Verdict], ranking: str
) -> dict[str, Plain]:
    """Add the figures of its voters to those of a model with one answer to each problem."""
    return {**figures, **voters_figures(sampled, voted, ranking)}


def voters_figures(sampled: Sequence[Verdict], voted: Sequence[Verdict], ranking: str) -> dict[str, Plain]:
    """Return the figures of K sampled answers to each problem: of one, of any, and of the vote.

    ``sampled`` is pass@1 of a single sample; ``pass@k`` and, of votes by ``ranking`` consensus, ``consensus@k`` are by
    K, the two ceilings for self-improvement.
    """
    k = len(sampled[0].passed)
    return {
        "sampled": _mean(pass_rates(sampled, 1)),
        "pass@k": {str(k): _mean(pass_rates(sampled, k))},
        f"{ranking}@k": {str(k): _mean(pass_rates(voted, 1))},
    }


def _mean(rates: Sequence[float]) -> dict[str, Plain]:
    mean_estimate = estimate(rates)
    return {"value": mean_estimate.mean, "ci95": [mean_estimate.low, mean_estimate.high]}


def verdicts(artifact: Artifact) -> list[Verdict]:
    """Read the verdicts of an ``evaluate`` artifact, in benchmark order."""
    return read_verdicts(artifact.path / "verdicts.jsonl")


def write(folder: Path, results: Mapping[str, Plain], config: DictConfig, artifacts: Mapping[str, Artifact]) -> Path:
    """Write results.json, the resolved config and links to artifacts into the run folder; return the first."""
    path = folder / NAME
    write_json(path, results)
    OmegaConf.save(config, folder / "config.yaml")
    shutil.rmtree(folder / "artifacts", ignore_errors=True)  # links of an earlier job in this folder
    for name, artifact in artifacts.items():
        link = folder / "artifacts" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        # Relative, so that runs and artifacts can be moved together.
        link.symlink_to(os.path.relpath(artifact.path.resolve(), link.parent.resolve()), target_is_directory=True)
    return path
