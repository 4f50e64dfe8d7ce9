"""From artifacts to ``results.json`` and to the tables that a person reads; the numbers are the same."""

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from conself.artifacts import Artifact
from conself.benchmarks.task import Judge
from conself.records import Pool, PreferencePair, Uncertainty
from conself.statistics import auc, correlations, golden, paired_test, wilson
from conself.tables import write_json

_PACKAGES = ("conself", "torch", "transformers", "peft", "lightning", "hydra-core")


def pass_table(pools: Sequence[Pool], judge: Judge) -> dict[str, list[bool]]:
    """Problem id -> one verdict per candidate, for the pools whose problems have an oracle."""
    return {p.problem.id: judge(p.problem, p.traces) for p in pools if p.problem.id in judge.oracles}


def metric_figures(uncertainties: Sequence[Uncertainty], passed: Mapping[str, Sequence[bool]]) -> dict[str, Any]:
    """n, AUC and correlations of one metric with the pass rate, over the problems where both are known."""
    known = [(u.value, passed[u.problem_id]) for u in uncertainties if u.value is not None and u.problem_id in passed]
    values = [value for value, _ in known]
    rates = [sum(verdicts) / len(verdicts) for _, verdicts in known]
    return {"n": len(known), "auc": auc(values, [rate > 0 for rate in rates]), **correlations(values, rates)}


def pair_figures(pairs: Sequence[PreferencePair], passed: Mapping[str, Sequence[bool]]) -> dict[str, Any]:
    """Number of pairs, golden rate, and the share of winners that are right; None where no oracle is known."""
    judged = [pair for pair in pairs if pair.problem_id in passed]
    winners = {pair.problem_id: passed[pair.problem_id][pair.chosen_index] for pair in judged}
    return {
        "pairs": len(pairs),
        "golden_rate": golden(judged, passed)[1],
        "winner_accuracy": sum(winners.values()) / len(winners) if winners else None,
    }


def benchmark_figures(base: Mapping[str, bool], tuned: Mapping[str, bool]) -> dict[str, Any]:
    """pass@1 with its 95 % interval before and after, relative improvement, and the exact paired test."""

    def side(verdicts: Mapping[str, bool]) -> dict[str, Any]:
        right, n = sum(verdicts.values()), len(verdicts)
        return {"pass@1": right / n, "n": n, "ci95": wilson(right, n)}

    before, after = side(base), side(tuned)
    test = paired_test(list(base.values()), [tuned[key] for key in base])
    relative = after["pass@1"] / before["pass@1"] - 1 if before["pass@1"] > 0 else None
    return {
        "base": before,
        "tuned": after,
        "relative_improvement": relative,
        "fixed": test.fixed,
        "broken": test.broken,
        "p": test.p,
    }


def verdicts(artifact: Artifact) -> dict[str, bool]:
    """Problem id -> verdict of an ``evaluate`` artifact, in benchmark order."""
    return dict(json.loads((artifact.path / "verdicts.json").read_text()))


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


def show(console: Console, results: Mapping[str, Any]) -> None:
    """Print the figures of one run as small tables; those that need oracles or a benchmark only where there are any."""
    console.print(_overview(results))
    if any(row["n"] for row in results["metrics"].values()):
        console.print(_metrics(results))
    if results["benchmarks"]:
        console.print(_benchmarks(results))
    console.print(_seconds(results))


def _number(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)


def _overview(results: Mapping[str, Any]) -> Table:
    table = Table("", "", title="What was learned from", title_justify="left", show_header=False)
    counts = results["problems"]
    low, high = results["entropy_range"]
    table.add_row("problems", f"{counts['total']}")
    table.add_row("  uncertainty defined", f"{counts['eligible']} (from {_number(low)} to {_number(high)})")
    band = "no filter" if results["tau"] is None else f"tau {results['tau']}"
    table.add_row("  learnable (kept)", f"{counts['kept']} ({band})")
    for reason, n in sorted(counts["dropped"].items(), key=lambda item: -item[1]):
        table.add_row(f"  - {reason}", f"{n}")
    table.add_row("preference pairs", f"{results['pairs']} ({results['training']['steps']} training steps)")
    table.add_row("  golden (winner right, loser wrong)", _number(results["golden_rate"], ".1%"))
    table.add_row("  winners that are right", _number(results["winner_accuracy"], ".1%"))
    return table


def _metrics(results: Mapping[str, Any]) -> Table:
    title = "How well each metric tells solvable problems (lower = more certain)"
    table = Table("metric", "n", "AUC", "Pearson", "Spearman", "Kendall", title=title, title_justify="left")
    for name, row in results["metrics"].items():
        links = [_number(row[key][0] if row[key] else None) for key in ("pearson", "spearman", "kendall")]
        table.add_row(name, str(row["n"]), _number(row["auc"]), *links)
    return table


def _benchmarks(results: Mapping[str, Any]) -> Table:
    found = results["benchmarks"]
    table = Table("greedy pass@1", *found, title="Before and after training (95 % interval)", title_justify="left")
    for who in ("base", "tuned"):
        table.add_row(f"{who} model", *(_interval(row[who]) for row in found.values()))
    table.add_row("relative change", *(_number(row["relative_improvement"], "+.1%") for row in found.values()))
    table.add_row("problems", *(str(row["base"]["n"]) for row in found.values()))
    table.add_row("  fixed / broken", *(f"{row['fixed']} / {row['broken']}" for row in found.values()))
    table.add_row("  p (exact McNemar)", *(f"{row['p']:.1e}" for row in found.values()))
    return table


def _interval(side: Mapping[str, Any]) -> str:
    low, high = side["ci95"]
    return f"{side['pass@1']:.3f} [{low:.3f}, {high:.3f}]"


def _seconds(results: Mapping[str, Any]) -> Table:
    total = sum(results["seconds"].values())
    table = Table("stage", "seconds", "share", title="Time of the stages", title_justify="left")
    for name, seconds in results["seconds"].items():
        table.add_row(name, f"{seconds:.1f}", f"{seconds / total:.0%}" if total else "-")
    table.add_row("total", f"{total:.1f}", "")
    return table


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
