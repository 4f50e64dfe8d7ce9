"""One function per stage: settings and artifacts in, an artifact out. Each can be killed and resumed.

Stages build their parts and know nothing of one another; pipelines combine them. None of them imports an oracle:
they call the judge that a benchmark supplies.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from omegaconf import DictConfig

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.curricula.selection import Curriculum, value_range, what_would_keep
from conself.datasets.validation import Problems, sift
from conself.losses.output import Loss
from conself.metrics.metric import Metric
from conself.models.transformers import load_tokenizer, tuned_model
from conself.pairings.build import NothingToLearnError, Pairing, build_pairs, capped, ordered
from conself.pipelines.ahead import executing_ahead
from conself.pipelines.context import Context, changed, free_accelerator, free_memory, give_back, gpu_is_there, tell
from conself.pipelines.executed import Executed
from conself.pipelines.execution import execute_into, walls_in
from conself.pipelines.parts import Drawing, Source
from conself.pipelines.per_pool import agree_into, score_into
from conself.pipelines.pools import AgreedPools, Pools, shards_of
from conself.pipelines.provenance import whole_of
from conself.pipelines.sampling import sample_into, without_room
from conself.pipelines.shards import cut, write_shards
from conself.pipelines.stage import Aside, Summary, Work, stage
from conself.prompts.prompts import PromptStyle
from conself.rankings.ranked import Ranking
from conself.records import Candidate, ModelRef, PreferencePair, Problem, Uncertainty, Verdict
from conself.results.shortfalls import tell_losses
from conself.runtime.parts import build
from conself.runtime.plain import to_plain
from conself.samplers.guided import observation_figures
from conself.sandbox import isolation
from conself.sandbox.jobs import Limits
from conself.sandbox.jsonlines import Json
from conself.store.artifacts import Artifact
from conself.store.keys import Identified, class_label, models_in
from conself.store.tables import each_shard, read_records, write_json, write_records, write_verdicts
from conself.tracking import Tracker
from conself.training.memory import is_large
from conself.training.policy.export import ADAPTER, MERGED, save_merged
from conself.training.settings import Training

Verdicts = Mapping[str, Sequence[bool]]


@stage("problems", version=3)
def problems(work: Work, dataset: Source[Problems], max_problems: int | None) -> Summary:
    """Load and validate the data set -> problems-*.parquet; summary: total, dropped by reason, perhaps ``whole``.

    ``whole`` names the benchmark that the data set is (:mod:`conself.pipelines.provenance`). The first
    ``max_problems`` usable problems are kept; None: all.
    """
    kept, dropped = sift(dataset.part())
    if max_problems is not None and len(kept) > max_problems:
        kept, dropped = kept[:max_problems], {**dropped, "beyond max_problems": len(kept) - max_problems}
    tell(work.context, f"{len(kept)} problems", dropped)
    write_shards(work.folder, "problems", Problem, cut(kept))
    whole = whole_of(dataset.part)
    return {"total": len(kept), "dropped": dropped, **({"whole": whole} if whole else {})}


@stage("sample", version=4)
def _sample(work: Work, sampler: Drawing, problems: Artifact, sandbox: Aside[DictConfig | None]) -> Summary:
    give_back()
    problem_records, node = read_records(problems.path, Problem, "problems"), sandbox.value
    limits = None if node is None else partial(build, node, Limits)
    context, labels = work.context, ("candidates", "sampling")
    with executing_ahead(context.executor, limits, context.executed, problems.path) as written:
        resumed = sample_into(context, work.folder, *labels, sampler.part, sampler.model, problem_records, written)
    counts: Counter[str] = Counter()
    observations: Counter[str] = Counter()
    for group in each_shard(work.folder, "candidates", Candidate):
        counts["candidates"] += len(group)
        counts["tokens"] += sum(c.n_tokens for c in group)
        counts["without_code"] += sum(c.code is None for c in group)
        counts["cut_at_limit"] += sum(c.finish_reason == "length" for c in group)
        counts["no_room"] += without_room(group)
        observations.update(observation_figures(group))
    return {**counts, "observations": dict(observations), **resumed}


def sample(
    context: Context, name: str, sampler: Drawing, problems: Artifact, sandbox: DictConfig | None = None
) -> Artifact:
    """Draw K candidates per problem -> candidates-*.parquet; summary: tokens, completions without code, ...

    With the ``sandbox`` that they will be run in, that may begin already (:mod:`conself.pipelines.ahead`).
    """
    return tell_losses(context.console, _sample(context, name, sampler, problems, Aside(sandbox)), sampler.sampler)


@stage("execute", version=4)
def _execute(work: Work, sandbox: DictConfig, problems: Artifact, candidates: Artifact) -> Summary:
    limits = build(sandbox, Limits)
    shards = shards_of(problems.path, "candidates", candidates.path, work.folder)
    done = Executed(work.context.executed, isolation(limits))
    counts = execute_into(work.context, work.folder, "executing", limits, shards, done)
    return {**counts, "isolation": walls_in(work.folder, done.walls)}


def execute(context: Context, name: str, sandbox: DictConfig, problems: Artifact, candidates: Artifact) -> Artifact:
    """Run every candidate on every input in the sandbox -> traces-*.parquet; summary: counts and isolation."""
    return tell_losses(context.console, _execute(context, name, sandbox, problems, candidates), sandbox)


@stage("agree", version=5)
def agree(work: Work, comparison: DictConfig, behaviour: DictConfig, pools: Pools) -> Summary:
    """Compute the agreement of each problem's candidates -> agreement-*.parquet, for metrics, rankings and analysis.

    Summary: live candidates and clusters, over all problems.
    """
    compared, counted = build(comparison, Comparison), build(behaviour, Behaviour)
    alive, clusters = agree_into(work.context, work.folder, compared, counted, pools.shards())
    return {"alive": alive, "clusters": clusters}


@dataclass(frozen=True)
class Judgement(Identified):
    """Verdicts on candidates by problem id, computed on demand; ``oracles`` identifies the oracles for the key."""

    oracles: dict[str, Json]
    verdicts: Callable[[], Verdicts]

    @property
    def identity(self) -> Json:
        """The identity of the oracles."""
        return self.oracles


@stage("verify", version=3)
def verify(work: Work, judgement: Judgement, pools: Pools) -> Summary:
    """Judge candidates of problems with a known oracle -> verdicts.jsonl; for analysis: no stage reads it."""
    passed = judgement.verdicts()
    judged = [p for p in read_records(pools.problems.path, Problem, "problems") if p.id in passed]
    write_verdicts(work.folder / "verdicts.jsonl", [Verdict(p.id, p.difficulty, tuple(passed[p.id])) for p in judged])
    return {"problems": len(passed), "solvable": sum(map(any, passed.values()))}


@stage("score", version=4)
def score(work: Work, metric: DictConfig, agreed: AgreedPools) -> Summary:
    """Compute one metric on every problem -> uncertainty-*.parquet; summary: for how many it is undefined."""
    context, models = work.context, models_in(to_plain(metric))
    alone = bool(models) and gpu_is_there()
    if alone:
        free_accelerator(context)  # an engine leaves no room for the metric's model
    bench = (
        replace(context, executor=context.executor.sized(1)) if alone else context
    )  # and a GPU has no room for several
    part = build(metric, Metric)
    undefined = score_into(bench, work.folder, class_label(metric), part, agreed.shards(), models)
    if alone:
        free_accelerator(context)  # nor is there room for this model beside the engine that answers benchmarks
    return {"undefined": undefined}


@stage("select", version=4)
def select(work: Work, curriculum: DictConfig, scores: Artifact) -> Summary:
    """Apply the curriculum to the driving metric -> selection.json; summary: kept, dropped by reason.

    Raises:
        NothingToLearnError: nothing is left; the message gives the range of uncertainty and what would keep something.
    """
    selection = build(curriculum, Curriculum)(read_records(scores.path, Uncertainty, "uncertainty"))
    if not selection.kept:
        reasons = ", ".join(f"{n}: {reason}" for reason, n in Counter(selection.dropped.values()).most_common())
        would_keep = what_would_keep(selection) if "tau" in curriculum else value_range(selection)
        setting = "tau" if "tau" in curriculum else "the curriculum's settings"
        raise NothingToLearnError(
            f"the curriculum keeps no problem ({reasons}): {would_keep}; change {setting}, sample more candidates, or "
            "see the statuses in the manifest of stage execute"
        )
    write_json(work.folder / "selection.json", asdict(selection))
    return {
        "kept": len(selection.kept),
        "dropped": dict(Counter(selection.dropped.values())),
        "entropy_range": [selection.minimum, selection.maximum],
    }


@stage("pair", version=5)
def pair(
    work: Work,
    ranking: DictConfig,
    pairing: DictConfig,
    prompts: DictConfig,
    max_pairs: int | None,
    seed: int,
    model: ModelRef,
    agreed: AgreedPools,
    selection: Artifact,
) -> Summary:
    """Build preference pairs from the kept problems -> pairs.parquet; summary: pairs, problems, dropped by reason.

    Raises:
        NothingToLearnError: no kept problem gives a pair; the message counts the reasons.
    """
    chosen = json.loads((selection.path / "selection.json").read_text())
    pools = agreed.of(set(chosen["kept"]))
    rank, match, style = build(ranking, Ranking), build(pairing, Pairing), build(prompts, PromptStyle)
    pairs, dropped = build_pairs(pools, rank, match, style, load_tokenizer(model))
    n_problems = len({p.problem_id for p in pairs})
    pairs = capped(ordered(pairs, chosen["kept"], chosen["ranked"]), max_pairs, seed, chosen["ranked"])
    if left := n_problems - len({p.problem_id for p in pairs}):
        dropped["beyond max_pairs"] = left
    write_records(work.folder / "pairs.parquet", PreferencePair, pairs)
    return {"pairs": len(pairs), "problems": len({p.problem_id for p in pairs}), "dropped": dropped}


def fit(
    context: Context,
    name: str,
    config: DictConfig,
    model: ModelRef,
    pairs: Artifact,
    tracker: Tracker,
    prefix: str,
) -> Artifact:
    """Train on the pairs -> adapter/ (PEFT), or model/ (all weights), or both (export=merged); steps.json.

    ``config`` holds training, loss and seed. Curves go to the tracker during training, with ``prefix`` before their
    names; those of a training run already in the store are replayed. export=merged merges the adapter that
    export=adapter saves: if that is in the store, nothing is trained again.
    """
    training = config.training
    merged = training.export == MERGED and build(training, Training).tuning.adapter() is not None
    alone = changed(training, {"export": ADAPTER}) if merged else training
    curves = Aside((tracker, prefix))
    fitted = _fit(context, name, alone, config.loss, config.seed, model, pairs, curves)
    if fitted.reused:
        steps = json.loads((fitted.path / "steps.json").read_text())
        rows = [{f"train/{name}": value for name, value in row.items()} for row in steps]
        tracker.replay(rows, prefix)
    return _with_merged(context, name, model, fitted) if merged else fitted


@stage("fit", version=4)
def _fit(
    work: Work,
    training: DictConfig,
    loss: DictConfig,
    seed: int,
    model: ModelRef,
    pairs: Artifact,
    curves: Aside[tuple[Tracker, str]],
) -> Summary:
    from conself.training.fit import fit as fit_policy

    settings, part = build(training, Training), build(loss, Loss)
    free_accelerator(work.context)
    work.context.executor.release_others()  # engines hold much memory on a CPU, too
    if is_large(model, settings):
        free_memory(work.context)
    data = read_records(pairs.path, PreferencePair, "pairs")
    tracker, prefix = curves.value
    references, logger = work.context.root / "reference", tracker.training_logger(prefix)
    report = asdict(fit_policy(data, model, settings, part, seed, work.folder, references, logger))
    write_json(work.folder / "steps.json", report.pop("curve"))
    return report


@stage("fit", version=4)
def _with_merged(work: Work, model: ModelRef, trained: Artifact) -> Summary:
    """Copy the files of ``trained`` and add the merged model beside its adapter."""
    free_accelerator(work.context)
    work.context.executor.release_others()  # the base model is loaded once more, beside any engines
    save_merged(model, trained.path / "adapter", work.folder / "model")
    shutil.copytree(trained.path / "adapter", work.folder / "adapter", dirs_exist_ok=True)
    shutil.copyfile(trained.path / "steps.json", work.folder / "steps.json")
    return trained.summary()


@stage("merge", version=3)
def _merge(work: Work, model: ModelRef, fitted: Artifact) -> Summary:
    save_merged(model, fitted.path / "adapter", work.folder / "model")
    return {}


def merge(context: Context, name: str, model: ModelRef, fitted: Artifact) -> ModelRef:
    """Return the trained model as a base for further training -> model/, merged if the fit has only an adapter.

    Raises:
        ValueError: the base is quantised.
    """
    has_model = (fitted.path / "model").is_dir()
    return tuned_model(model, fitted.path if has_model else _merge(context, name, model, fitted).path)
