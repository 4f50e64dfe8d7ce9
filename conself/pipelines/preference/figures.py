"""Compute the figures of ``results.json`` of one or several rounds from their artifacts."""

from collections import Counter
from collections.abc import Mapping, Sequence

from omegaconf import DictConfig

from conself.pairings.build import Pairing
from conself.pipelines.amplifying import amplification_figures
from conself.pipelines.context import Context
from conself.pipelines.preference.records import Measured, Round, scores_of
from conself.pipelines.preference.validation import held_out_consensus
from conself.rankings.ranked import Ranking
from conself.records import PreferencePair
from conself.results import benchmarks, pool_figures
from conself.results.shortfalls import losses, with_remedies
from conself.runtime.parts import build, build_all
from conself.sandbox.jsonlines import Plain
from conself.store.artifacts import Artifact
from conself.store.keys import class_label
from conself.store.tables import read_records


def round_figures(config: DictConfig, context: Context, finished: Round) -> dict[str, Plain]:
    """Return all figures of a finished round."""
    passed = {v.problem_id: v.passed for v in benchmarks.verdicts(finished.verified)}
    training, paired, named = finished.fitted.summary(), finished.paired, finished.named()
    driver = scores_of(finished.measured.driver)
    return {
        "method": config.method,
        "problems": pool_figures.problem_figures(
            finished.measured.pools.problems, paired.selection, paired.pairs, driver
        ),
        **pool_figures.pair_figures(read_records(paired.pairs.path, PreferencePair, "pairs"), passed),
        "matched_pairs": None if paired.matched is None else paired.matched.summary()["pairs"],
        "tau": config.curriculum.get("tau"),
        "entropy_range": paired.selection.summary()["entropy_range"],
        **pool_part(config, finished.measured, passed),
        **held_out_consensus(config, finished.measured, paired.selection),
        "training": {key: training[key] for key in ("steps", "epochs", "n_pairs", "n_overlong", "n_tokens")},
        "benchmarks": benchmarks.benchmarks(config, finished.base, finished.tuned),
        **with_remedies(losses(named), named),
        "seconds": context.seconds,
        "peak_memory": context.peaks,
        "artifacts": {name: artifact.key for name, artifact in context.artifacts.items()},
    }


def pool_part(config: DictConfig, measured: Measured, passed: Mapping[str, Sequence[bool]]) -> dict[str, Plain]:
    """Return the figures of metrics and selectors on a pool, whether or not a model was trained on it.

    ``driver`` names the metric that drives the curriculum.
    """
    uncertainties = {name: scores_of(artifact) for name, artifact in measured.scores.items()}
    names = {artifact.key: name for name, artifact in measured.scores.items()}
    driver = names.get(measured.driver.key, driver_name(config))
    uncertainties.setdefault(driver, scores_of(measured.driver))
    ranking, pairing = build(config.ranking, Ranking), build(config.pairing, Pairing)
    rankings = build_all(config.rankings, Ranking)
    pairs = pool_figures.judged_pairs(measured.agreed, ranking, pairing, passed)
    is_amplified = measured.own is not measured.pools
    return {
        **({"amplification": amplification_figures(measured.pools.traces)} if is_amplified else {}),
        "driver": driver,
        "metrics": {name: pool_figures.metric_figures(rows, passed) for name, rows in uncertainties.items()},
        "golden_by_tau": pool_figures.golden_by_tau(uncertainties, pairs, passed),
        "selectors": pool_figures.selector_figures(measured.agreed, rankings, passed),
    }


def driver_name(config: DictConfig) -> str:
    """Name a driving metric that is not among ``metrics``: its class in snake case.

    ``NAME_driver`` if ``metrics`` has one of that name with other settings.
    """
    name = class_label(config.metric)
    return f"{name}_driver" if name in config.metrics else name


def unlearned(config: DictConfig, context: Context, measured: Measured, verified: Artifact) -> dict[str, Plain]:
    """Return the figures of a round with nothing to learn: its pool, seconds and artifacts."""
    passed = {v.problem_id: v.passed for v in benchmarks.verdicts(verified)}
    keys = {name: artifact.key for name, artifact in context.artifacts.items()}
    spent: dict[str, Plain] = {"seconds": context.seconds, "peak_memory": context.peaks}
    return {**pool_part(config, measured, passed), **spent, "artifacts": keys}


def over_rounds(
    config: DictConfig,
    rounds: Sequence[dict[str, Plain]],
    contexts: Sequence[Context],
    base: Mapping[str, benchmarks.Answered],
    tuned: Mapping[str, benchmarks.Answered],
    kept: Mapping[str, Artifact],
    artifacts: Mapping[str, Artifact],
    stopped: Mapping[str, Plain] | None,
) -> dict[str, Plain]:
    """Return the figures of a job: those of its one round, or the last round's with benchmarks over all rounds.

    ``base`` holds the answers before the first round, ``tuned`` those of the model that is kept. ``kept`` holds the
    artifacts that the rounds consist of, ``artifacts`` every artifact built. ``contexts`` holds one context per round.

    With several rounds the result also has ``rounds`` (the figures of each), ``stopped`` (why there are fewer rounds
    than requested, or None) and ``stopped_round`` (the figures of the pool of the round that stopped).
    """
    if config.rounds == 1:
        return rounds[0]
    seconds: Counter[str] = Counter()
    peaks: Counter[str] = Counter()
    for context in contexts:
        seconds.update(context.seconds)
        peaks |= Counter(context.peaks)
    return {
        **rounds[-1],
        "benchmarks": benchmarks.benchmarks(config, base, tuned),
        "rounds": list(rounds),
        "stopped": None if stopped is None else stopped["why"],
        "stopped_round": stopped,
        **with_remedies(losses(kept), kept),
        "seconds": dict(seconds),
        "peak_memory": dict(peaks),
        "artifacts": {name: artifact.key for name, artifact in artifacts.items()},
    }
