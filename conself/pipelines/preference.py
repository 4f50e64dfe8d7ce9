"""One round of self-improvement: sample -> execute -> agree -> score -> select -> pair -> fit -> evaluate."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from conself.benchmarks.task import Judge
from conself.pairing.build import NothingToLearnError
from conself.pipelines import answering, stages
from conself.pipelines.contamination import decontaminate
from conself.pipelines.context import Context, changed, choose
from conself.pipelines.shards import read_pools
from conself.records import ModelRef, Pool, PreferencePair, Uncertainty
from conself.results import benchmarks, pool_figures
from conself.results.shortfalls import losses, with_remedies
from conself.runtime.console import say
from conself.runtime.progress import Meter
from conself.store.artifacts import Artifact
from conself.store.keys import located, plain
from conself.store.tables import read_consensus, read_records
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
    benchmarks = instantiate(config.benchmark, _convert_="all")
    found = stages.problems(context, config.dataset, config.max_problems)
    found = decontaminate(context, found, benchmarks, config.decontaminate_words)
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
    wanted = _matched(config, context, model, pools, agreed) if config.matched else None
    if wanted is not None:
        part = changed(part, {"max_pairs": wanted})
    selected = stages.select(context, "select", config.curriculum, driver)
    made = stages.pair(context, "pair", part, model, pools, agreed, selected)
    if wanted is not None and (count := made.summary()["pairs"]) < wanted:
        say(context.console, f"{count} pairs, where matched asks for {wanted}: there are no more")
    return made


def _matched(config: DictConfig, context: Context, model: ModelRef, pools: list[Pool], agreed: Artifact) -> int:
    """How many pairs the parts of ``matched`` give, whatever the job itself pairs."""
    like = config.matched
    part = choose(config, "prompts", "max_pairs", "seed")
    part.pairing = like.pairing
    scores = stages.score(context, "matched/score", like.metric, pools, agreed)
    try:
        selected = stages.select(context, "matched/select", like.curriculum, scores)
        made = stages.pair(context, "matched/pair", part, model, pools, agreed, selected)
    except NothingToLearnError as error:
        raise NothingToLearnError(f"matched: {error}") from error
    return int(made.summary()["pairs"])


def answers(config: DictConfig, context: Context, model: ModelRef, fitted: Artifact | None) -> dict[str, Artifact]:
    """How the model, or what ``fitted`` made of it, answers each benchmark, and how its ``voters`` do.

    The artifacts by their names in the run folder: ``evaluate/benchmark/who`` and, of voters, ``who_voters`` and
    ``vote/benchmark/who_voters``.
    """
    who = "base" if fitted is None else "tuned"
    made: dict[str, Artifact] = {}
    for name in config.benchmark:
        made[f"evaluate/{name}/{who}"] = answering.evaluate(context, f"{name}/{who}", config, model, fitted)
        if config.voters.n:
            label = f"{name}/{who}_voters"
            drawn = answering.evaluate(context, label, answering.voting(config), model, fitted)
            made[f"evaluate/{label}"] = drawn
            made[f"vote/{label}"] = answering.vote(context, label, choose(config, "comparison", "behaviour"), drawn)
    return made


def _known(context: Context, before: Mapping[str, Artifact]) -> dict[str, Artifact]:
    """What the last round's tuned model has answered, as this round's base.

    In 16 bits that was its adapter beside the weights, and what is trained now has it rounded into them.
    """
    known = {name.replace("/tuned", "/base"): artifact for name, artifact in before.items()}
    context.artifacts.update(known)
    return known


def verify(config: DictConfig, context: Context, pools: list[Pool], traces: Artifact) -> Artifact:
    """Verdicts on all candidates of the training problems whose oracle is known: for analysis alone."""
    dataset = instantiate(config.dataset, _convert_="all")
    key = {"dataset": located(config.dataset), "content": dataset.fingerprint(), "comparison": plain(config.comparison)}

    def verdicts() -> dict[str, list[bool]]:
        judge = Judge({oracle.problem_id: oracle for oracle in dataset.oracles()}, instantiate(config.comparison))
        total = sum(pool.problem.id in judge.oracles for pool in pools)
        with Meter(context.console, "verdicts", total, "problems", "problems") as meter:
            return pool_figures.pass_table(pools, judge, context.workers.count, meter.add)

    return stages.verify(context, key, verdicts, pools, traces)


def round_figures(
    config: DictConfig,
    context: Context,
    pools: list[Pool],
    base: Mapping[str, Artifact],
    tuned: Mapping[str, Artifact],
) -> dict[str, Any]:
    """The figures of ``results.json`` of one round, from its artifacts."""
    made = context.artifacts
    passed = {v.problem_id: v.passed for v in benchmarks.verdicts(made["verify"])}
    training = made["fit"].summary()
    return {
        "method": config.method,
        "problems": pool_figures.problem_figures(made, scores_of(made["score/driver"])),
        **pool_figures.pair_figures(read_records(made["pair"].path, PreferencePair, "pairs"), passed),
        "matched_pairs": made["matched/pair"].summary()["pairs"] if config.matched else None,
        "tau": config.tau if "tau" in config.curriculum else None,
        "entropy_range": made["select"].summary()["entropy_range"],
        **_pool_part(config, context, pools, passed),
        "training": {key: training[key] for key in ("steps", "epochs", "n_pairs", "n_overlong", "n_tokens")},
        "benchmarks": benchmarks.benchmarks(config, base, tuned),
        **with_remedies(losses(made)),
        "seconds": context.seconds,
        "artifacts": {name: artifact.key for name, artifact in made.items()},
    }


def _pool_part(
    config: DictConfig, context: Context, pools: list[Pool], passed: Mapping[str, Sequence[bool]]
) -> dict[str, Any]:
    """What a pool says of metrics and selectors, whether or not anything was trained on it.

    ``driver`` is the one of ``metrics`` that drives the curriculum; its scores are those of ``score/driver``.
    """
    made = context.artifacts
    agreed = read_consensus(made["agree"].path)
    uncertainties = {str(name): scores_of(made[f"score/{name}"]) for name in config.metrics}
    known = {made[f"score/{name}"].key: str(name) for name in config.metrics}
    driver = known.get(made["score/driver"].key, driver_name(config))
    uncertainties.setdefault(driver, scores_of(made["score/driver"]))
    return {
        "driver": driver,
        "metrics": {name: pool_figures.metric_figures(rows, passed) for name, rows in uncertainties.items()},
        "golden_by_tau": pool_figures.golden_by_tau(uncertainties, pools, agreed, instantiate(config.pairing), passed),
        "selectors": pool_figures.selector_figures(pools, agreed, passed),
    }


def unlearned(config: DictConfig, context: Context) -> dict[str, Any]:
    """Of a round that has found nothing to learn, what its pool says: metrics and selectors, seconds, artifacts."""
    made = context.artifacts
    pools = read_pools(*(made[stage].path for stage in ("problems", "sample", "execute")))
    passed = {v.problem_id: v.passed for v in benchmarks.verdicts(verify(config, context, pools, made["execute"]))}
    keys = {name: artifact.key for name, artifact in made.items()}
    return {**_pool_part(config, context, pools, passed), "seconds": context.seconds, "artifacts": keys}


def driver_name(config: DictConfig) -> str:
    """What tables call a metric that drives the curriculum and is not among ``metrics``: as its module.

    ``NAME_driver`` where ``metrics`` has one of that name with other settings.
    """
    name = stages.metric_name(config.metric)
    return f"{name}_driver" if name in config.metrics else name


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
