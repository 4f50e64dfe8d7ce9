"""The candidates that runs share: figures of a pool are counted once, however many methods learned from it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .labels import differing, labelled, telling
from .runs import METHODS, Run

# The groups that candidates and verdicts depend on; the method comes later.
_PARTS = ("model", "dataset", "prompts", "engine", "sampler", "sandbox", "comparison", "behaviour", "pool")


@dataclass(frozen=True)
class PoolFigures:
    """The runs' figures of one pool (one model, data set and seed).

    Attributes:
        group: shared with the pools of other seeds: the model, and other settings that differ between groups.
        seed: of its sampling.
        runs: the runs that have it, those of ConSelf first.
        metrics: label -> figures of ``results.json``'s ``metrics``; a label of other settings goes with its run's.
        golden_by_tau: label -> rows, of the first run that pairs winners with losers.
        selectors: name -> accuracy and n.
    """

    group: str
    seed: int
    runs: tuple[Run, ...]
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    golden_by_tau: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    selectors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def pools_of(runs: Sequence[Run]) -> list[PoolFigures]:
    """Return the distinct pools of the runs' first rounds, groups in the order of the runs, by seed."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        if run.first.get("metrics"):
            found.setdefault(_key(run), []).append(run)
    names = _disambiguated(_names([group[0] for group in found.values()]), list(found.values()))
    pools = [_figures(name, group) for name, group in zip(names, found.values(), strict=True)]
    order = list(dict.fromkeys(names))
    return sorted(pools, key=lambda pool: (order.index(pool.group), pool.seed))


def grouped(pools: Sequence[PoolFigures]) -> dict[str, list[PoolFigures]]:
    """Return group -> its pools, by seed."""
    groups: dict[str, list[PoolFigures]] = {}
    for pool in pools:
        groups.setdefault(pool.group, []).append(pool)
    return groups


def metric_names(pools: Sequence[PoolFigures]) -> list[str]:
    """Return the metrics for which some pool has figures, in the order of the runs."""
    return list(dict.fromkeys(name for pool in pools for name in pool.metrics))


def _key(run: Run) -> str:
    """Return the identity of a pool: its agreement, else its executions, else the run."""
    keys = run.first.get("artifacts") or {}
    return str(keys.get("agree") or keys.get("execute") or run.folder)


def _figures(name: str, runs: Sequence[Run]) -> PoolFigures:
    ranks = {method: rank for rank, method in enumerate(reversed(METHODS))}
    ordered = sorted(runs, key=lambda run: ranks.get(run.method, len(ranks)))
    golden = (run.first.get("golden_by_tau") or {} for run in ordered)
    return PoolFigures(
        group=name,
        seed=runs[0].seed,
        runs=tuple(ordered),
        metrics=_metrics(ordered),
        golden_by_tau=next((found for found in golden if _has_pairs(found)), {}),
        selectors=next((found for run in ordered if (found := run.first.get("selectors"))), {}),
    )


def _metrics(runs: Sequence[Run]) -> dict[str, Mapping[str, Any]]:
    """Return label -> figures; if a later run's differ (by other settings of the metric), its label is added."""
    found: dict[str, Mapping[str, Any]] = {}
    for run in runs:
        for label, row in run.first["metrics"].items():
            if found.setdefault(label, row) != row:
                found[f"{label} ({run.label})"] = row
    return found


def _has_pairs(golden: Mapping[str, Sequence[Mapping[str, Any]]]) -> bool:
    return any(row.get("golden_rate") is not None for rows in golden.values() for row in rows)


def _disambiguated(names: Sequence[str], users: Sequence[Sequence[Run]]) -> list[str]:
    """Return names with unique seeds: where a seed would repeat, pools also carry their first run's label."""
    seeds = Counter((name, group[0].seed) for name, group in zip(names, users, strict=True))
    twice = {name for (name, _), n in seeds.items() if n > 1}
    longer = [f"{n}, {group[0].label}" if n in twice else n for n, group in zip(names, users, strict=True)]
    seeds = Counter((name, group[0].seed) for name, group in zip(longer, users, strict=True))
    return [
        f"{name} ({group[0].name})" if seeds[name, group[0].seed] > 1 else name
        for name, group in zip(longer, users, strict=True)
    ]


def _names(runs: Sequence[Run]) -> list[str]:
    """Return a name for each pool's group: the model or file, and settings of pools that differ except in the seed."""
    settings = [{k: v for k, v in telling(run.config).items() if k.split(".")[0] in _PARTS} for run in runs]
    keys = differing([{key: each.get(key, "-") for s in settings for key in s} for each in settings])
    apart = [key for key in keys if not key.startswith(("model.", "prompts.", "sampler.prompts"))]
    if len({_file(run) for run in runs}) == len({str(run.config.get("pool")) for run in runs}):
        apart = [key for key in apart if key != "pool"]
    return [
        labelled(run.backbone or _file(run) or "pool", {key: each.get(key, "-") for key in apart[:3]})
        for run, each in zip(runs, settings, strict=True)
    ]


def _file(run: Run) -> str:
    """Return the name of the file that a run has scored, without its endings; "" if there is none."""
    return Path(str(run.config.get("pool") or "")).name.removesuffix(".gz").removesuffix(".jsonl")
