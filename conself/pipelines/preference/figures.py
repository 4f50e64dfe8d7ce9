"""The figures of ``results.json`` of one round and of several, from their artifacts."""

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


def round_figures(config: DictConfig, context: Context, made: Round) -> dict[str, Plain]:
    """All figures of a round that has trained."""
    passed = {v.problem_id: v.passed for v in benchmarks.verdicts(made.verified)}
    training, paired, named = made.fitted.summary(), made.paired, made.named()
    driver = scores_of(made.measured.driver)
    return {
        "method": config.method,
        "problems": pool_figures.problem_figures(made.measured.pools.problems, paired.selection, paired.pairs, driver),
        **pool_figures.pair_figures(read_records(paired.pairs.path, PreferencePair, "pairs"), passed),
        "matched_pairs": None if paired.matched is None else paired.matched.summary()["pairs"],
        "tau": config.curriculum.get("tau"),
        "entropy_range": paired.selection.summary()["entropy_range"],
        **pool_part(config, made.measured, passed),
        **held_out_consensus(config, made.measured, paired.selection),
        "training": {key: training[key] for key in ("steps", "epochs", "n_pairs", "n_overlong", "n_tokens")},
        "benchmarks": benchmarks.benchmarks(config, made.base, made.tuned),
        **with_remedies(losses(named), named),
        "seconds": context.seconds,
        "peak_memory": context.peaks,
        "artifacts": {name: artifact.key for name, artifact in context.artifacts.items()},
    }


def pool_part(config: DictConfig, measured: Measured, passed: Mapping[str, Sequence[bool]]) -> dict[str, Plain]:
    """What a pool says of metrics and selectors, whether or not anything was trained on it.

    ``driver`` is the one of ``metrics`` that drives the curriculum; its scores are those of the driver.
    """
    uncertainties = {name: scores_of(artifact) for name, artifact in measured.scores.items()}
    known = {artifact.key: name for name, artifact in measured.scores.items()}
    driver = known.get(measured.driver.key, driver_name(config))
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
    """What tables call a metric that drives the curriculum and is not among ``metrics``: as its module.

    ``NAME_driver`` where ``metrics`` has one of that name with other settings.
    """
    name = class_label(config.metric)
    return f"{name}_driver" if name in config.metrics else name


def unlearned(config: DictConfig, context: Context, measured: Measured, verified: Artifact) -> dict[str, Plain]:
    """Of a round that has found nothing to learn: the figures of its pool, seconds, artifacts."""
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
    made: Mapping[str, Artifact],
    artifacts: Mapping[str, Artifact],
    stopped: Mapping[str, Plain] | None,
) -> dict[str, Plain]:
    """The figures of a job: those of its round; of several, the last ones, with the benchmarks from first to last.

    ``base`` is how the model answered before the first round, ``tuned`` after the last; ``made`` are the
    artifacts that the rounds consist of, ``artifacts`` all that were made on the way as well. ``contexts`` are those
    of all rounds.

    ``rounds`` then has those of each round, ``stopped`` why there are fewer than asked for, or None, and
    ``stopped_round`` what the pool of the one that stopped says.
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
        **with_remedies(losses(made), made),
        "seconds": dict(seconds),
        "peak_memory": dict(peaks),
        "artifacts": {name: artifact.key for name, artifact in artifacts.items()},
    }
