"""One round of self-improvement: sample -> execute -> agree -> score -> select -> pair -> fit -> evaluate."""

from collections.abc import Mapping

from omegaconf import DictConfig

from conself.agreement.comparison import Comparison
from conself.benchmarks.task import Benchmark, Judge
from conself.datasets.dataset import Dataset
from conself.pairings.build import NothingToLearnError
from conself.pipelines import stages
from conself.pipelines.amplifying import amplified
from conself.pipelines.answering import answer
from conself.pipelines.contamination import decontaminate
from conself.pipelines.context import Context, choose
from conself.pipelines.parts import Drawing, Source
from conself.pipelines.passing import passing
from conself.pipelines.pools import AgreedPools, Pools
from conself.pipelines.preference.records import Measured, Paired, Round, scores_of
from conself.records import ModelRef
from conself.results import names, pool_figures
from conself.results.benchmarks import Answered
from conself.runtime.console import say
from conself.runtime.parts import build, build_all
from conself.runtime.progress import Meter
from conself.store.artifacts import Artifact
from conself.store.keys import plain
from conself.tracking import Tracker


def measure(config: DictConfig, context: Context, model: ModelRef) -> Measured:
    """From problems to a pool with its agreement and the values of all metrics."""
    found = stages.problems(context, names.PROBLEMS, Source.of(config.dataset, Dataset), config.max_problems)
    parts = build_all(config.benchmark, Benchmark)
    found = decontaminate(context, names.DECONTAMINATE, found, parts, config.decontaminate_words)
    context.artifacts[names.PROBLEMS] = found
    candidates = stages.sample(context, names.SAMPLE, Drawing.of(config.sampler, config.engine, model), found)
    traces = stages.execute(context, names.EXECUTE, config.sandbox, found, candidates)
    own = Pools(found, candidates, traces)
    pools = amplified(context, config, own) if config.amplification else own
    agreement = stages.agree(context, names.AGREE, config.comparison, config.behaviour, pools)
    tested = passing(context, config, pools)
    agreed = AgreedPools(pools, agreement, tested)
    return Measured(own, pools, agreement, *_scores(config, context, agreed), tested)


def _scores(config: DictConfig, context: Context, agreed: AgreedPools) -> tuple[Artifact, dict[str, Artifact]]:
    """The metric that drives the curriculum and all of ``metrics`` by name; one that is both is worked out once."""
    driver = stages.score(context, names.DRIVER, config.metric, agreed)
    scores = {}
    for name, node in config.metrics.items():
        label = names.scored(str(name))
        is_driver = node == config.metric
        scores[str(name)] = context.alias(label, driver) if is_driver else stages.score(context, label, node, agreed)
    return driver, scores


def learn(
    config: DictConfig,
    context: Context,
    tracker: Tracker,
    model: ModelRef,
    measured: Measured,
    before: Mapping[str, Answered] | None,
    prefix: str,
) -> Round:
    """From a measured pool to a tuned model and its evaluation.

    ``before`` is how ``model`` answers the benchmarks where an earlier round knows; None for not yet. ``prefix`` goes
    before the names of curves.

    Raises:
        NothingToLearnError: the curriculum keeps nothing, or what it keeps gives no pair.
    """
    paired = _paired(config, context, model, measured)
    base = answers(config, context, model, None) if before is None else _known(context, before)
    part = choose(config, "training", "loss", "seed")
    fitted = stages.fit(context, names.FIT, part, model, paired.pairs, tracker, prefix)
    tuned = answers(config, context, model, fitted)
    verified = verify(config, context, measured.own)
    values = [u.value for u in scores_of(measured.driver) if u.value is not None]
    tracker.histogram(f"{prefix}uncertainty", values)
    return Round(measured, paired, fitted, base, tuned, verified)


def _paired(config: DictConfig, context: Context, model: ModelRef, measured: Measured) -> Paired:
    """The pairs to train on: at most ``max_pairs``, or as many as the curriculum of ``matched`` gives."""
    matched = _matched(config, context, model, measured) if config.matched else None
    most = config.max_pairs if matched is None else int(matched.summary()["pairs"])
    selected = stages.select(context, names.SELECT, config.curriculum, measured.driver)
    parts = (config.ranking, config.pairing, config.prompts, most, config.seed, model)
    pairs = stages.pair(context, names.PAIR, *parts, measured.agreed, selected)
    if matched is not None and (made := pairs.summary()["pairs"]) < most:
        say(context.console, f"{made} pairs, where matched asks for {most}: there are no more")
    return Paired(selected, pairs, matched)


def _matched(config: DictConfig, context: Context, model: ModelRef, measured: Measured) -> Artifact:
    """The pairs that the parts of ``matched`` give, whatever the job itself pairs."""
    like = config.matched
    scores = stages.score(context, names.matched("score"), like.metric, measured.agreed)
    try:
        selected = stages.select(context, names.matched(names.SELECT), like.curriculum, scores)
        parts = (like.ranking, like.pairing, config.prompts, config.max_pairs, config.seed, model)
        return stages.pair(context, names.matched(names.PAIR), *parts, measured.agreed, selected)
    except NothingToLearnError as error:
        raise NothingToLearnError(f"matched: {error}") from error


def answers(config: DictConfig, context: Context, model: ModelRef, fitted: Artifact | None) -> dict[str, Answered]:
    """How the model, or what ``fitted`` made of it, answers each benchmark."""
    who = "base" if fitted is None else "tuned"
    return {str(name): answer(context, config, str(name), who, model, fitted) for name in config.benchmark}


def _known(context: Context, before: Mapping[str, Answered]) -> Mapping[str, Answered]:
    """What the last round's tuned model has answered, as this round's base.

    In 16 bits that was its adapter beside the weights, and what is trained now has it rounded into them.
    """
    for benchmark, answered in before.items():
        context.artifacts.update(answered.named(benchmark, "base"))
    return before


def verify(config: DictConfig, context: Context, pools: Pools) -> Artifact:
    """Verdicts on all candidates of the training problems whose oracle is known: for analysis alone."""
    source = Source.of(config.dataset, Dataset)

    def verdicts() -> dict[str, list[bool]]:
        comparison = build(config.comparison, Comparison)
        judge = Judge({oracle.problem_id: oracle for oracle in source.part.oracles()}, comparison)
        total = sum(pool.problem.id in judge.oracles for pool in pools)
        with Meter(context.console, "verdicts", total, "problems", "problems") as meter:
            return pool_figures.pass_table(pools, judge, context.executor.machines().threads, meter.add)

    oracles = {"dataset": source.identity, "comparison": plain(config.comparison)}
    return stages.verify(context, names.VERIFY, stages.Judgement(oracles, verdicts), pools)
