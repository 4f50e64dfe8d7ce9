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
    """Load problems, sample and execute candidates, and compute their agreement and all metrics."""
    loaded = stages.problems(context, names.PROBLEMS, Source.of(config.dataset, Dataset), config.max_problems)
    parts = build_all(config.benchmark, Benchmark)
    problems = decontaminate(context, names.DECONTAMINATE, loaded, parts, config.decontaminate_words)
    context.artifacts[names.PROBLEMS] = problems
    drawing = Drawing.of(config.sampler, config.engine, model)
    candidates = stages.sample(context, names.SAMPLE, drawing, problems, config.sandbox)
    traces = stages.execute(context, names.EXECUTE, config.sandbox, problems, candidates)
    own = Pools(problems, candidates, traces)
    pools = amplified(context, config, own) if config.amplification else own
    agreement = stages.agree(context, names.AGREE, config.comparison, config.behaviour, pools)
    tested = passing(context, config, pools)
    agreed = AgreedPools(pools, agreement, tested)
    return Measured(own, pools, agreement, *_scores(config, context, agreed), tested)


def _scores(config: DictConfig, context: Context, agreed: AgreedPools) -> tuple[Artifact, dict[str, Artifact]]:
    """Score by the driving metric and by all of ``metrics``; a metric that is both is computed once."""
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
    """Train on a measured pool and evaluate the tuned model.

    ``before`` holds the answers of ``model`` to the benchmarks if an earlier round has them, else None. ``prefix`` is
    put before the names of curves.

    Raises:
        NothingToLearnError: the curriculum keeps nothing, or what it keeps gives no pair.
    """
    paired = _paired(config, context, model, measured)
    base = answers(config, context, model, None) if before is None else _carried_over(context, before)
    part = choose(config, "training", "loss", "seed")
    fitted = stages.fit(context, names.FIT, part, model, paired.pairs, tracker, prefix)
    tuned = answers(config, context, model, fitted)
    verified = verify(config, context, measured.own)
    values = [u.value for u in scores_of(measured.driver) if u.value is not None]
    tracker.histogram(f"{prefix}uncertainty", values)
    return Round(measured, paired, fitted, base, tuned, verified)


def _paired(config: DictConfig, context: Context, model: ModelRef, measured: Measured) -> Paired:
    """Build the pairs to train on: at most ``max_pairs``, or as many as the parts of ``matched`` give."""
    matched = _matched(config, context, model, measured) if config.matched else None
    most = config.max_pairs if matched is None else int(matched.summary()["pairs"])
    selected = stages.select(context, names.SELECT, config.curriculum, measured.driver)
    parts = (config.ranking, config.pairing, config.prompts, most, config.seed, model)
    pairs = stages.pair(context, names.PAIR, *parts, measured.agreed, selected)
    if matched is not None and (built := pairs.summary()["pairs"]) < most:
        say(context.console, f"{built} pairs, where matched asks for {most}: there are no more")
    return Paired(selected, pairs, matched)


def _matched(config: DictConfig, context: Context, model: ModelRef, measured: Measured) -> Artifact:
    """Build the pairs that the parts of ``matched`` give; only their number is used."""
    reference = config.matched
    scores = stages.score(context, names.matched("score"), reference.metric, measured.agreed)
    try:
        selected = stages.select(context, names.matched(names.SELECT), reference.curriculum, scores)
        parts = (reference.ranking, reference.pairing, config.prompts, config.max_pairs, config.seed, model)
        return stages.pair(context, names.matched(names.PAIR), *parts, measured.agreed, selected)
    except NothingToLearnError as error:
        raise NothingToLearnError(f"matched: {error}") from error


def answers(config: DictConfig, context: Context, model: ModelRef, fitted: Artifact | None) -> dict[str, Answered]:
    """Answer each benchmark with the model, or with its tuned form if ``fitted`` is given."""
    variant = "base" if fitted is None else "tuned"
    return {str(name): answer(context, config, str(name), variant, model, fitted) for name in config.benchmark}


def _carried_over(context: Context, before: Mapping[str, Answered]) -> Mapping[str, Answered]:
    """Record the previous round's tuned answers as this round's base answers.

    In 16-bit dtypes the previous answers came from the unmerged adapter; this round trains on the merged, rounded
    weights, so the two can differ slightly.
    """
    for benchmark, answered in before.items():
        context.artifacts.update(answered.named(benchmark, "base"))
    return before


def verify(config: DictConfig, context: Context, pools: Pools) -> Artifact:
    """Judge all candidates of training problems with a known oracle: for analysis alone."""
    source = Source.of(config.dataset, Dataset)

    def verdicts() -> dict[str, list[bool]]:
        comparison = build(config.comparison, Comparison)
        judge = Judge({oracle.problem_id: oracle for oracle in source.part.oracles()}, comparison)
        total = sum(pool.problem.id in judge.oracles for pool in pools)
        with Meter(context.console, "verdicts", total, "problems", "problems") as meter:
            return pool_figures.pass_table(pools, judge, context.executor.machines().threads, meter.add)

    oracles = {"dataset": source.identity, "comparison": plain(config.comparison)}
    return stages.verify(context, names.VERIFY, stages.Judgement(oracles, verdicts), pools)
