"""One round of self-improvement: sample -> execute -> agree -> score -> select -> pair -> fit -> evaluate."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from conself import pool_figures, results, stages
from conself.artifacts import Artifact
from conself.benchmarks.task import Judge
from conself.context import Context, changed, choose, plain
from conself.oracles import Oracle, TestOracle
from conself.records import ModelRef, Pool, PreferencePair, Uncertainty
from conself.shards import read_pools
from conself.tables import read_consensus, read_records, read_verdicts
from conself.tracking import Tracker


@dataclass(frozen=True)
class Learned:
    """What a round has found and made: its figures, the fit, and how the tuned model answers each benchmark."""

    figures: dict[str, Any]
    fitted: Artifact
    answers: Mapping[str, Artifact]


def learn_round(
    config: DictConfig,
    context: Context,
    tracker: Tracker,
    model: ModelRef,
    before: Mapping[str, Artifact] | None,
    prefix: str,
) -> Learned:
    """From problems to a tuned model and its evaluation.

    ``before`` is how ``model`` answers the benchmarks where an earlier round knows; None for not yet. ``prefix`` goes
    before the names of curves.

    Raises:
        NothingToLearnError: the curriculum keeps nothing, or what it keeps gives no pair.
    """
    config = with_model(config, model)
    found = stages.problems(context, config.dataset)
    candidates = stages.sample(context, config.sampler, model, found)
    traces = stages.execute(context, config.sandbox, found, candidates)
    pools = read_pools(found.path, candidates.path, traces.path)
    agreed = stages.agree(context, choose(config, "comparison", "behaviour"), pools, traces)
    driver = stages.score(context, "score/driver", config.metric, pools, agreed)
    for name, node in config.metrics.items():
        stages.score(context, f"score/{name}", node, pools, agreed)
    pairs = _pairs(config, context, model, pools, agreed, driver)
    base = answers(config, context, model, None) if before is None else _known(context, before)
    fitted = stages.fit(context, choose(config, "training", "loss", "seed"), model, pairs, tracker, prefix)
    tuned = answers(config, context, model, fitted)
    verify(config, context, pools, traces)
    tracker.histogram(f"{prefix}uncertainty", [u.value for u in scores_of(driver) if u.value is not None])
    return Learned(round_figures(config, context, pools, base, tuned), fitted, tuned)


def _pairs(
    config: DictConfig, context: Context, model: ModelRef, pools: list[Pool], agreed: Artifact, driver: Artifact
) -> Artifact:
    """The pairs to train on: at most ``max_pairs``, or as many as the curriculum of ``matched`` gives."""
    part = choose(config, "pairing", "prompts", "max_pairs", "seed")
    if config.matched is not None:
        scores = stages.score(context, "matched/score", config.matched.metric, pools, agreed)
        like = stages.select(context, "matched/select", config.matched.curriculum, scores)
        other = stages.pair(context, "matched/pair", part, model, pools, agreed, like)
        part = changed(part, {"max_pairs": other.summary()["pairs"]})
    selected = stages.select(context, "select", config.curriculum, driver)
    return stages.pair(context, "pair", part, model, pools, agreed, selected)


def answers(config: DictConfig, context: Context, model: ModelRef, fitted: Artifact | None) -> dict[str, Artifact]:
    """How the model, or what ``fitted`` made of it, answers each benchmark, and how its ``voters`` do, by label."""
    who = "base" if fitted is None else "tuned"
    made = {f"{name}/{who}": config for name in config.benchmark}
    if config.voters.n:
        made |= {f"{name}/{who}_voters": results.voting(config) for name in config.benchmark}
    return {label: stages.evaluate(context, label, how, model, fitted) for label, how in made.items()}


def _known(context: Context, before: Mapping[str, Artifact]) -> dict[str, Artifact]:
    """What the last round's tuned model has answered, as this round's base."""
    known = {label.replace("/tuned", "/base"): artifact for label, artifact in before.items()}
    context.artifacts.update({f"evaluate/{label}": artifact for label, artifact in known.items()})
    return known


def verify(config: DictConfig, context: Context, pools: list[Pool], traces: Artifact) -> Artifact:
    """Verdicts on all candidates of the training problems whose oracle is known: for analysis alone."""
    oracles: dict[str, Oracle | TestOracle] = {
        oracle.problem_id: oracle for oracle in instantiate(config.dataset, _convert_="all").oracles()
    }
    judge = Judge(oracles, instantiate(config.comparison))
    key = {"oracles": pool_figures.digest(oracles), "comparison": plain(config.comparison)}
    return stages.verify(
        context, key, partial(pool_figures.pass_table, pools, judge, context.workers.count), pools, traces
    )


def round_figures(
    config: DictConfig,
    context: Context,
    pools: list[Pool],
    base: Mapping[str, Artifact],
    tuned: Mapping[str, Artifact],
) -> dict[str, Any]:
    """The figures of ``results.json`` of one round, from its artifacts."""
    made = context.artifacts
    passed = {v.problem_id: v.passed for v in read_verdicts(made["verify"].path / "verdicts.jsonl")}
    agreed = read_consensus(made["agree"].path)
    uncertainties = {str(name): scores_of(made[f"score/{name}"]) for name in config.metrics}
    training = made["fit"].summary()
    return {
        "method": config.method,
        "problems": pool_figures.problem_figures(made, scores_of(made["score/driver"])),
        **pool_figures.pair_figures(read_records(made["pair"].path, PreferencePair, "pairs"), passed),
        "tau": config.tau if "tau" in config.curriculum else None,
        "entropy_range": made["select"].summary()["entropy_range"],
        "metrics": {name: pool_figures.metric_figures(rows, passed) for name, rows in uncertainties.items()},
        "golden_by_tau": pool_figures.golden_by_tau(uncertainties, pools, agreed, instantiate(config.pairing), passed),
        "selectors": pool_figures.selector_figures(pools, agreed, passed),
        "training": {key: training[key] for key in ("steps", "epochs", "n_pairs", "n_overlong", "n_tokens")},
        "benchmarks": results.benchmarks(config, base, tuned),
        "seconds": context.seconds,
        "artifacts": {name: artifact.key for name, artifact in made.items()},
    }


def scores_of(scored: Artifact) -> list[Uncertainty]:
    """The values of a ``score`` artifact, in the order of the problems."""
    return read_records(scored.path, Uncertainty, "uncertainty")


def with_model(config: DictConfig, model: ModelRef) -> DictConfig:
    """The config with ``model`` in place of its own, also inside the parts that load it (a metric's encoder, say)."""
    old: Any = OmegaConf.to_container(config.model)
    new = {"_target_": old["_target_"], **asdict(model)}

    def replaced(node: Any) -> Any:
        if node == old:
            return new
        if isinstance(node, dict):
            return {key: replaced(value) for key, value in node.items()}
        return [replaced(value) for value in node] if isinstance(node, list) else node

    return DictConfig(replaced(OmegaConf.to_container(config)))
