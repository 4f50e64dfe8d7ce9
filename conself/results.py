"""From artifacts to the figures of ``results.json``; :mod:`conself.reports` prints the same numbers."""

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from conself.artifacts import Artifact
from conself.benchmarks.task import Judge
from conself.pass_rates import estimate, paired, pass_rates, usual_ks
from conself.records import Pool, PreferencePair, Uncertainty, Verdict
from conself.statistics import auc, correlations, golden
from conself.tables import read_verdicts, write_json

_PACKAGES = ("conself", "torch", "transformers", "peft", "lightning", "hydra-core")


def pass_table(pools: Sequence[Pool], judge: Judge, workers: int) -> dict[str, list[bool]]:
    """Problem id -> one verdict per candidate, for the pools whose problems have an oracle."""
    return judge([(p.problem, p.traces) for p in pools if p.problem.id in judge.oracles], workers)


def metric_figures(uncertainties: Sequence[Uncertainty], passed: Mapping[str, Sequence[bool]]) -> dict[str, Any]:
    """n, AUC and correlations of one metric with the pass rate, over the problems where both are known.

    ``undefined`` counts the problems on which the metric has no value, by reason.
    """
    known = [(u.value, passed[u.problem_id]) for u in uncertainties if u.value is not None and u.problem_id in passed]
    values = [value for value, _ in known]
    rates = [sum(verdicts) / len(verdicts) for _, verdicts in known]
    undefined = Counter(u.reason for u in uncertainties if u.reason is not None)
    return {
        "n": len(known),
        "undefined": dict(undefined),
        "auc": auc(values, [rate > 0 for rate in rates]),
        **correlations(values, rates),
    }


def pair_figures(pairs: Sequence[PreferencePair], passed: Mapping[str, Sequence[bool]]) -> dict[str, Any]:
    """Number of pairs, golden rate, and the share of winners that are right; None where no oracle is known."""
    judged = [pair for pair in pairs if pair.problem_id in passed]
    winners = {pair.problem_id: passed[pair.problem_id][pair.chosen_index] for pair in judged}
    return {
        "pairs": len(pairs),
        "golden_rate": golden(judged, passed)[1],
        "winner_accuracy": sum(winners.values()) / len(winners) if winners else None,
    }


def pass_figures(verdicts: Sequence[Verdict], ks: Sequence[int] | None) -> dict[str, Any]:
    """One model on one benchmark: pass@1, n (problems) and ci95, and what its verdicts allow beside them.

    ``pass@k`` is there for ``ks`` above 1 (None: those of 1, 10 and 100 that the answers allow), ``by_difficulty`` for
    benchmarks with more than one.

    Raises:
        ValueError: a problem has fewer answers than one of ``ks``, or there are no problems.
    """

    def mean(group: Sequence[Verdict], k: int) -> tuple[float, list[float]]:
        found = estimate(pass_rates(group, k))
        return found.mean, [found.low, found.high]

    def first(group: Sequence[Verdict]) -> dict[str, Any]:
        value, interval = mean(group, 1)
        return {"pass@1": value, "n": len(group), "ci95": interval}

    figures = first(verdicts)
    if more := [k for k in (usual_ks(verdicts) if ks is None else ks) if k != 1]:
        means = {str(k): mean(verdicts, k) for k in more}
        figures["pass@k"] = {k: {"value": value, "ci95": interval} for k, (value, interval) in means.items()}
    names = dict.fromkeys(v.difficulty for v in verdicts)
    if len(names) > 1:
        groups = {name: [v for v in verdicts if v.difficulty == name] for name in names}
        figures["by_difficulty"] = {name or "not given": first(group) for name, group in groups.items()}
    return figures


def paired_figures(before: Sequence[Verdict], after: Sequence[Verdict]) -> dict[str, Any]:
    """Two models on the same problems: relative change of pass@1, difference, fixed and broken problems, p, its test.

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


def benchmark_figures(base: Sequence[Verdict], tuned: Sequence[Verdict]) -> dict[str, Any]:
    """The model before and after training, and the comparison of the two."""
    return {"base": pass_figures(base, None), "tuned": pass_figures(tuned, None), **paired_figures(base, tuned)}


def verdicts(artifact: Artifact) -> list[Verdict]:
    """The verdicts of an ``evaluate`` artifact, in benchmark order."""
    return read_verdicts(artifact.path / "verdicts.jsonl")


def problem_figures(artifacts: Mapping[str, Artifact], driver: Sequence[Uncertainty]) -> dict[str, Any]:
    """How many problems there were, had a defined uncertainty, were trained on, and left for which reason."""
    sources, selection, pairs = (artifacts[stage].summary() for stage in ("problems", "select", "pair"))
    dropped = Counter(sources["dropped"]) + Counter(selection["dropped"]) + Counter(pairs["dropped"])
    return {
        "total": sources["total"] + sum(sources["dropped"].values()),
        "eligible": sum(u.value is not None for u in driver),
        "kept": selection["kept"],
        "dropped": dict(dropped),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def flat(figures: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers of nested figures under slash-separated names, as a dashboard wants them."""
    found: dict[str, float] = {}
    for key, value in figures.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}/")
        elif isinstance(value, tuple | list) and len(value) == 2 and key in ("pearson", "spearman", "kendall"):
            found |= {f"{prefix}{key}": value[0], f"{prefix}{key}_p": value[1]}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{prefix}{key}"] = value
    return found


def write(folder: Path, results: Mapping[str, Any], config: DictConfig, artifacts: Mapping[str, Artifact]) -> Path:
    """Write results.json, the resolved config and links to the artifacts into the run folder; returns the first."""
    path = folder / "results.json"
    write_json(path, results)
    OmegaConf.save(config, folder / "config.yaml")
    for name, artifact in artifacts.items():
        link = folder / "artifacts" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(artifact.path.resolve(), target_is_directory=True)
    return path
