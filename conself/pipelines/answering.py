"""The stages that answer benchmarks: greedily or by voters, before training and after."""

from collections.abc import Sequence
from dataclasses import replace

from omegaconf import DictConfig

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.benchmarks.task import Benchmark
from conself.models.transformers import tuned_model
from conself.pipelines.context import Context, changed, give_back, tell
from conself.pipelines.executed import Executed
from conself.pipelines.execution import execute_into
from conself.pipelines.parts import Drawing, Source
from conself.pipelines.per_pool import voted
from conself.pipelines.pools import answered, forget, shards_of
from conself.pipelines.sampling import sample_into, without_room
from conself.pipelines.shards import cut, write_shards
from conself.pipelines.stage import Aside, Summary, Work, stage
from conself.rankings.ranked import Ranking
from conself.records import Candidate, ModelRef, Problem, Verdict
from conself.results import names
from conself.results.benchmarks import Answered
from conself.results.shortfalls import tell_losses
from conself.runtime.console import say
from conself.runtime.parts import build
from conself.runtime.progress import Meter
from conself.samplers.recorded import MISSING
from conself.sandbox import isolation
from conself.sandbox.jobs import MOST_OUTPUT_KB, Limits
from conself.store.artifacts import Artifact
from conself.store.tables import each_shard, read_verdicts, write_verdicts

_GROWTH = 12


def answer(
    context: Context, config: DictConfig, benchmark: str, variant: str, model: ModelRef | None, tuned: Artifact | None
) -> Answered:
    """Answer one benchmark with a model, and by its ``voters`` where there are any.

    ``config`` holds benchmark (by name), engine (or answering), decoder, judging, voters, comparison and behaviour.
    Engines that load no model ignore ``model``. ``tuned`` is the fit that tuned the model; None: the model as given.
    ``variant`` names the model in results: "base" or "tuned".
    """
    policy = model if model is None or tuned is None else tuned_model(model, tuned.path)
    alone = evaluate(context, benchmark, variant, config, policy)
    if not config.voters.n:
        return Answered(alone)
    voters = evaluate(context, benchmark, names.voters(variant), voting(config), policy)
    label = names.vote(benchmark, variant)
    return Answered(
        alone, voters, vote(context, label, config.comparison, config.behaviour, config.voters.ranking, voters)
    )


def evaluate(context: Context, benchmark: str, variant: str, config: DictConfig, model: ModelRef | None) -> Artifact:
    """Answer a benchmark, run and judge the answers -> problems-, answers-, traces-*.parquet, verdicts.jsonl."""
    source = Source.of(config.benchmark[benchmark], Benchmark)
    decoder = Drawing.of(config.decoder, answering_engine(config), model)
    shown = Aside((benchmark, variant))
    artifact = _evaluate(context, names.evaluated(benchmark, variant), source, decoder, config.judging, shown)
    return tell_losses(context.console, artifact, config.judging)


def answering_engine(config: DictConfig) -> DictConfig | None:
    """Return the config node of the engine that answers benchmarks: ``answering``, or else the job's ``engine``."""
    node: DictConfig | None = config.get("answering") or config.engine
    return node


@stage("evaluate", version=9)
def _evaluate(
    work: Work, benchmark: Source[Benchmark], decoder: Drawing, judging: DictConfig, shown: Aside[tuple[str, str]]
) -> Summary:
    give_back()
    context, folder, (name, variant) = work.context, work.folder, shown.value
    task = benchmark.part()
    tell(context, f"{name}: {len(task.problems)} problems", task.dropped)
    write_shards(folder, "problems", Problem, cut(task.problems))
    label = f"answering ({variant})"
    resumed = sample_into(context, folder, "answers", label, decoder.part, decoder.model, task.problems)
    limits = with_room(build(judging, Limits), task.judge.longest())
    shards = shards_of(folder, "answers", folder, folder)
    done = Executed(context.executed, isolation(limits))
    counts = execute_into(context, folder, f"judging ({variant})", limits, shards, done)
    ran = [(pool.problem, pool.traces) for shard in shards for pool in shard.read()]
    with Meter(context.console, f"verdicts ({variant})", len(ran), "problems", "problems") as meter:
        judged = task.judge.parts(ran, context.executor.machines().threads, meter.add)
    forget()  # these files get other names now
    verdicts = [_verdict(problem, judged[problem.id]) for problem in task.problems]
    write_verdicts(folder / "verdicts.jsonl", verdicts)
    unanswered = no_room = 0
    for candidates in each_shard(folder, "answers", Candidate):
        unanswered += sum(answer.finish_reason == MISSING for answer in candidates)
        no_room += without_room(candidates)
    if unanswered:
        say(context.console, f"- {unanswered} without an answer: they count as wrong")
    passed = [v.passed for v in verdicts]
    totals = {"passed": sum(map(sum, passed)), "answers": sum(map(len, passed)), **resumed}
    return {"unanswered": unanswered, "no_room": no_room, **totals, "dropped": dict(task.dropped), "execution": counts}


def _verdict(problem: Problem, judged: Sequence[tuple[bool, ...]]) -> Verdict:
    """Return the verdicts on a problem's answers; with ``base`` if base and plus inputs were judged separately."""
    base = tuple(row[0] for row in judged) if judged and len(judged[0]) == 2 else None
    return Verdict(problem.id, problem.difficulty, tuple(map(all, judged)), base)


def with_room(limits: Limits, longest: int) -> Limits:
    """Raise ``output_kb`` so that an answer can be as long as the longest expected text, and ``output_kb`` more.

    ``longest`` is in characters. A value of another type (floats for ints) can take up to ``_GROWTH`` times as many.
    """
    room = limits.output_kb + -(-_GROWTH * longest // 1024)
    return replace(limits, output_kb=max(limits.output_kb, min(room, MOST_OUTPUT_KB)))


@stage("vote", version=4)
def vote(work: Work, comparison: DictConfig, behaviour: DictConfig, ranking: DictConfig, answers: Artifact) -> Summary:
    """Choose one of several answers to each problem by a ranking, and take its verdict -> verdicts.jsonl.

    ``answers`` is an ``evaluate`` artifact.
    """
    compared, counted, ranked = build(comparison, Comparison), build(behaviour, Behaviour), build(ranking, Ranking)
    judged = read_verdicts(answers.path / "verdicts.jsonl")
    with Meter(work.context.console, "voting", len(judged), "problems", "problems") as meter:
        verdicts = voted(meter.each(answered(answers.path)), judged, compared, counted, ranked)
    write_verdicts(work.folder / "verdicts.jsonl", verdicts)
    return {"problems": len(verdicts), "passed": sum(v.passed[0] for v in verdicts)}


def voting(config: DictConfig) -> DictConfig:
    """Return the config with which voters answer: ``voters.n`` sampled answers per problem."""
    voters = {"n": config.voters.n, "temperature": config.voters.temperature}
    return changed(config, {"decoder": voters})


def check_voters(config: DictConfig) -> None:
    """Validate ``voters``: their number, their temperature, and that the decoder can draw them.

    Raises:
        ValueError: ``n`` is negative or 1, the decoder draws no samples or several of its own, or the temperature is
            not above 0.
    """
    voters = config.voters
    if type(voters.n) is not int or voters.n < 0 or voters.n == 1:
        raise ValueError(f"voters.n must be an int of 2 or more, or 0 for none, got {voters.n}")
    if voters.n and "n" not in config.decoder:
        raise ValueError(f"{config.decoder['_target_']} draws no samples to vote with; leave out voters.n, or samples")
    if voters.n and config.decoder.n > 1:
        raise ValueError(
            f"decoder.n={config.decoder.n} and voters.n={voters.n} both draw answers, each with a pass@k; "
            "set decoder.n=1, or voters.n=0"
        )
    if type(voters.temperature) not in (int, float):
        raise ValueError(f"voters.temperature must be a number, got {voters.temperature!r}")
    if voters.n and voters.temperature <= 0:
        raise ValueError(f"voters.temperature must be above 0, or all answers are the same, got {voters.temperature}")
