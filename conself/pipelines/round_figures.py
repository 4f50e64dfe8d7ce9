"""The figures of ``results.json`` of one round, from its artifacts."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.pipelines.context import Context
from conself.pipelines.round import Measured, Round
from conself.records import PreferencePair, Uncertainty
from conself.results import benchmarks, pool_figures
from conself.results.shortfalls import losses, with_remedies
from conself.store.artifacts import Artifact
from conself.store.keys import class_label
from conself.store.tables import read_records


def round_figures(config: DictConfig, context: Context, made: Round) -> dict[str, Any]:
    """All figures of a round that has trained."""
    passed = {v.problem_id: v.passed for v in benchmarks.verdicts(made.verified)}
    training, paired, named = made.fitted.summary(), made.paired, made.named()
    driver = scores_of(made.measured.driver)
    return {
        "method": config.method,
        "problems": pool_figures.problem_figures(
            made.measured.pools.problems.summary(), paired.selection.summary(), paired.pairs.summary(), driver
        ),
        **pool_figures.pair_figures(read_records(paired.pairs.path, PreferencePair, "pairs"), passed),
        "matched_pairs": None if paired.matched is None else paired.matched.summary()["pairs"],
        "tau": config.tau if "tau" in config.curriculum else None,
        "entropy_range": paired.selection.summary()["entropy_range"],
        **pool_part(config, made.measured, passed),
        "training": {key: training[key] for key in ("steps", "epochs", "n_pairs", "n_overlong", "n_tokens")},
        "benchmarks": benchmarks.benchmarks(config, made.base, made.tuned),
        **with_remedies(losses(named), named),
        "seconds": context.seconds,
        "peak_memory": context.peaks,
        "artifacts": {name: artifact.key for name, artifact in context.artifacts.items()},
    }


def pool_part(config: DictConfig, measured: Measured, passed: Mapping[str, Sequence[bool]]) -> dict[str, Any]:
    """What a pool says of metrics and selectors, whether or not anything was trained on it.

    ``driver`` is the one of ``metrics`` that drives the curriculum; its scores are those of the driver.
    """
    uncertainties = {name: scores_of(artifact) for name, artifact in measured.scores.items()}
    known = {artifact.key: name for name, artifact in measured.scores.items()}
    driver = known.get(measured.driver.key, driver_name(config))
    uncertainties.setdefault(driver, scores_of(measured.driver))
    ranking, rankings, pairing = (
        instantiate(config[name], _convert_="all") for name in ("ranking", "rankings", "pairing")
    )
    pairs = pool_figures.judged_pairs(measured.agreed, ranking, pairing, passed)
    return {
        "driver": driver,
        "metrics": {name: pool_figures.metric_figures(rows, passed) for name, rows in uncertainties.items()},
        "golden_by_tau": pool_figures.golden_by_tau(uncertainties, pairs, passed),
        "selectors": pool_figures.selector_figures(measured.agreed, rankings, passed),
    }


def driver_name(config: DictConfig) -> str:
    """What tables call a metric that drives the curriculum and is not among ``metrics``: as its module.

    ``NAME_driver`` where ``metrics`` has one of that name with other settings.
    """
    name = class_label(config.metric)
    return f"{name}_driver" if name in config.metrics else name


def scores_of(scored: Artifact) -> list[Uncertainty]:
    """The values of a ``score`` artifact, in the order of the problems."""
    return read_records(scored.path, Uncertainty, "uncertainty")
