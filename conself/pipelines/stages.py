"""One function per stage: a config slice and input artifacts in, an artifact out. Each can be killed and resumed.

Stages know Hydra's ``instantiate`` and nothing of one another; ``conself.train`` strings them together. None of
them names an oracle: judging is a call of the judge that a benchmark brings along.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.curricula.selection import Selection, what_would_keep
from conself.datasets.validation import sift
from conself.models.transformers import fingerprint, load_tokenizer, tuned_model
from conself.pairing.build import NothingToLearnError, build_pairs, capped, taken
from conself.pipelines.context import Context, changed, free_accelerator, give_back, gpu_is_there, names_model, tell
from conself.pipelines.per_pool import agree_into, score_into
from conself.pipelines.provenance import whole_of
from conself.pipelines.shards import execute_into, sample_into, without_room
from conself.records import Candidate, ModelRef, Pool, PreferencePair, Problem, Uncertainty, Verdict
from conself.results.shortfalls import tell_losses
from conself.samplers.guided import observation_figures
from conself.sandbox import isolation
from conself.store.artifacts import Artifact
from conself.store.keys import located, plain, snake_case
from conself.store.tables import (
    read_consensus,
    read_records,
    write_json,
    write_records,
    write_verdicts,
)
from conself.tracking import Tracker
from conself.training.policy.export import ADAPTER, MERGED, save_merged

Verdicts = Mapping[str, Sequence[bool]]


def problems(context: Context, config: DictConfig, most: int | None = None) -> Artifact:
    """Load and validate the data set -> problems.parquet; summary: total, dropped by reason, perhaps ``whole``.

    The last is the name of the benchmark that the data set is (:mod:`conself.pipelines.provenance`). The first ``most``
    usable problems are kept; None: all.
    """
    dataset = instantiate(config, _convert_="all")

    def make(folder: Path) -> dict[str, Any]:
        kept, dropped = sift(dataset())
        if most is not None and len(kept) > most:
            kept, dropped = kept[:most], {**dropped, "beyond max_problems": len(kept) - most}
        tell(context, f"{len(kept)} problems", dropped)
        write_records(folder / "problems.parquet", Problem, kept)
        whole = whole_of(dataset)
        return {"total": len(kept), "dropped": dropped, **({"whole": whole} if whole else {})}

    key = {"dataset": located(config), "content": dataset.fingerprint()}
    key |= {} if most is None else {"max_problems": most}
    return context.build("problems", key, {}, make)


def sample(context: Context, config: DictConfig, model: ModelRef, source: Artifact) -> Artifact:
    """Draw K candidates per problem -> candidates-*.parquet; summary: tokens, completions without code, ..."""
    sampler = instantiate(config, _convert_="all")

    def make(folder: Path) -> dict[str, Any]:
        give_back()
        known = read_records(source.path, Problem, "problems")
        drawn = sample_into(context, folder, "candidates", "sampling", sampler, model, known)
        return {
            "candidates": len(drawn),
            "tokens": sum(c.n_tokens for c in drawn),
            "without_code": sum(c.code is None for c in drawn),
            "cut_at_limit": sum(c.finish_reason == "length" for c in drawn),
            "no_room": without_room(drawn),
            "observations": observation_figures(drawn),
        }

    key = {"sampler": plain(config), "model": fingerprint(model) if sampler.loads_model else sampler.fingerprint()}
    return tell_losses(context.console, context.build("sample", key, {"problems": source}, make), config)


def execute(context: Context, config: DictConfig, source: Artifact, candidates: Artifact) -> Artifact:
    """Run every candidate on every input in the sandbox -> traces-*.parquet; summary: its counts, and the isolation."""

    def make(folder: Path) -> dict[str, Any]:
        known = read_records(source.path, Problem, "problems")
        drawn = read_records(candidates.path, Candidate, "candidates")
        limits = instantiate(config, _convert_="all")
        return {**execute_into(context, folder, "executing", limits, known, drawn), "isolation": isolation(limits)}

    made = context.build("execute", plain(config), {"problems": source, "candidates": candidates}, make)
    return tell_losses(context.console, made, config)


def agree(context: Context, config: DictConfig, pools: Sequence[Pool], traces: Artifact) -> Artifact:
    """What the candidates of each problem agree on -> consensus-*.parquet, for metrics, pairing and analysis alike.

    ``config`` holds comparison and behaviour. Summary: over all problems, live candidates and clusters.
    """

    def make(folder: Path) -> dict[str, Any]:
        parts = instantiate(config, _convert_="all")
        found = agree_into(context, folder, parts["comparison"], parts["behaviour"], pools).values()
        return {"alive": sum(c.n_alive for c in found), "clusters": sum(len(c.clusters) for c in found)}

    return context.build("agree", plain(config), {"traces": traces}, make)


def verify(
    context: Context, config: Mapping[str, Any], judge: Callable[[], Verdicts], pools: Sequence[Pool], traces: Artifact
) -> Artifact:
    """Which candidates are right, as far as oracles are known -> verdicts.jsonl; for analysis: no stage reads it.

    ``config`` identifies the oracles; ``judge`` gives a verdict per candidate, by problem id.
    """

    def make(folder: Path) -> dict[str, Any]:
        passed = judge()
        known = [pool.problem for pool in pools if pool.problem.id in passed]
        write_verdicts(folder / "verdicts.jsonl", [Verdict(p.id, p.difficulty, tuple(passed[p.id])) for p in known])
        return {"problems": len(passed), "solvable": sum(map(any, passed.values()))}

    return context.build("verify", config, {"traces": traces}, make)


def score(context: Context, label: str, config: DictConfig, pools: Sequence[Pool], agreed: Artifact) -> Artifact:
    """One metric on every problem -> uncertainty-*.parquet; summary: for how many it is undefined.

    ``label`` says under which name the job knows it: ``score/driver``, ``score/`` and its key among the reported
    ``metrics``, or ``matched/score``.
    """
    name = metric_name(config)

    def make(folder: Path) -> dict[str, Any]:
        loads_model = names_model(config)
        alone = loads_model and gpu_is_there()
        if alone:
            free_accelerator(context)  # an engine leaves no room for the metric's model
        workers = context.workers.sized(1) if alone else context.workers  # a GPU has no room for a model per worker
        known = read_consensus(agreed.path)
        bench = replace(context, workers=workers)
        values = score_into(bench, folder, name, instantiate(config), pools, known, loads_model)
        if alone:
            free_accelerator(context)  # nor for this one beside what answers the benchmarks
        return {"undefined": sum(u.value is None for u in values)}

    return context.build(label, plain(config), {"consensus": agreed}, make)


def metric_name(config: DictConfig) -> str:
    """A metric's class in snake case, whatever module holds it: ``code_semantic_entropy``."""
    return snake_case(str(config["_target_"]).rpartition(".")[2])


def select(context: Context, name: str, config: DictConfig, scores: Artifact) -> Artifact:
    """Apply the curriculum to the driving metric -> selection.json; summary: kept, dropped by reason.

    ``name`` is ``select``, or ``matched/select`` for the curriculum that a job only counts the pairs of.

    Raises:
        NothingToLearnError: nothing is left; the message gives the range of uncertainty and what would keep something.
    """

    def make(folder: Path) -> dict[str, Any]:
        selection: Selection = instantiate(config)(read_records(scores.path, Uncertainty, "uncertainty"))
        if not selection.kept:
            reasons = ", ".join(f"{n}: {reason}" for reason, n in Counter(selection.dropped.values()).most_common())
            raise NothingToLearnError(
                f"the curriculum keeps no problem ({reasons}): {what_would_keep(selection)}; "
                "change tau, sample more candidates, or see the statuses in the manifest of stage execute"
            )
        write_json(folder / "selection.json", asdict(selection))
        return {
            "kept": len(selection.kept),
            "dropped": dict(Counter(selection.dropped.values())),
            "entropy_range": [selection.minimum, selection.maximum],
        }

    return context.build(name, plain(config), {"scores": scores}, make)


def pair(
    context: Context,
    name: str,
    config: DictConfig,
    model: ModelRef,
    pools: Sequence[Pool],
    agreed: Artifact,
    selected: Artifact,
) -> Artifact:
    """Preference pairs of the kept problems -> pairs.parquet; summary: pairs, problems, dropped by reason.

    ``config`` holds pairing, prompts, max_pairs and seed; ``name`` is ``pair`` or ``matched/pair``: see :func:`select`.

    Raises:
        NothingToLearnError: no kept problem gives a pair; the message counts the reasons.
    """

    def make(folder: Path) -> dict[str, Any]:
        parts = instantiate(config, _convert_="all")  # a plain dict, or OmegaConf would wrap the parts again
        selection = json.loads((selected.path / "selection.json").read_text())
        chosen = taken(pools, selection["kept"], selection["ranked"])
        tokenizer = load_tokenizer(model)
        pairs, dropped = build_pairs(chosen, read_consensus(agreed.path), parts["pairing"], parts["prompts"], tokenizer)
        found = len({p.problem_id for p in pairs})
        pairs = capped(pairs, parts["max_pairs"], parts["seed"], selection["ranked"])
        if left := found - len({p.problem_id for p in pairs}):
            dropped["beyond max_pairs"] = left
        write_records(folder / "pairs.parquet", PreferencePair, pairs)
        return {"pairs": len(pairs), "problems": len({p.problem_id for p in pairs}), "dropped": dropped}

    key = {**plain(config), "model": fingerprint(model)}
    return context.build(name, key, {"consensus": agreed, "selection": selected}, make)


def fit(
    context: Context, config: DictConfig, model: ModelRef, pairs: Artifact, tracker: Tracker, prefix: str
) -> Artifact:
    """Train on the pairs -> adapter/ (PEFT), or model/ (all weights), or both (export=merged); steps.json.

    ``config`` holds training, loss and seed. Curves go to the tracker as training runs; those of a training found in
    the store are played back. ``prefix`` goes before their names. What is merged is the adapter that the same training
    leaves with export=adapter: where that is in the store, nothing is trained again.
    """
    if config.training.export == MERGED and instantiate(config.training, _convert_="all").tuning.adapter() is not None:
        alone = changed(config, {"training": {"export": ADAPTER}})
        return _beside(context, config, model, fit(context, alone, model, pairs, tracker, prefix))

    def make(folder: Path) -> dict[str, Any]:
        from conself.training.fit import fit as fit_policy

        free_accelerator(context)
        context.workers.release_others()  # engines hold much memory on a CPU, too
        parts = instantiate(config, _convert_="all")  # a plain dict, or OmegaConf would wrap the parts again
        data = read_records(pairs.path, PreferencePair, "pairs")
        settings, references = parts["training"], context.root / "reference"
        logger = tracker.training_logger(prefix)
        report = asdict(
            fit_policy(data, model, settings, parts["loss"], parts["seed"], folder, references, logger),
        )
        write_json(folder / "steps.json", report.pop("curve"))
        return report

    fitted = context.build("fit", {**plain(config), "model": fingerprint(model)}, {"pairs": pairs}, make)
    if fitted.reused:
        steps = json.loads((fitted.path / "steps.json").read_text())
        rows = [{f"train/{name}": value for name, value in row.items()} for row in steps]
        tracker.replay(rows, prefix)
    return fitted


def _beside(context: Context, config: DictConfig, model: ModelRef, trained: Artifact) -> Artifact:
    """A fit with the files of ``trained`` and, beside its adapter, the whole model."""

    def make(folder: Path) -> dict[str, Any]:
        free_accelerator(context)
        context.workers.release_others()  # the base is loaded once more, beside engines where there are any
        save_merged(model, trained.path / "adapter", folder / "model")
        shutil.copytree(trained.path / "adapter", folder / "adapter", dirs_exist_ok=True)
        shutil.copyfile(trained.path / "steps.json", folder / "steps.json")
        return trained.summary()

    return context.build("fit", {**plain(config), "model": fingerprint(model)}, {"adapter": trained}, make)


def merge(context: Context, model: ModelRef, fitted: Artifact) -> ModelRef:
    """The trained model as one to train again -> model/ with its adapter worked in, where the fit has only that.

    Raises:
        ValueError: the base is quantised.
    """
    if (fitted.path / "model").is_dir():
        return tuned_model(model, fitted.path)

    def make(folder: Path) -> dict[str, Any]:
        save_merged(model, fitted.path / "adapter", folder / "model")
        return {}

    merged = context.build("merge", {"model": fingerprint(model)}, {"fit": fitted}, make)
    return tuned_model(model, merged.path)
