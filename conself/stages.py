"""One function per stage: a config slice and input artifacts in, an artifact out. Each can be killed and resumed.

Stages know Hydra's ``instantiate`` and nothing of one another; ``conself.train`` strings them together. None of
them names an oracle: judging is a call of the judge that a benchmark brings along.
"""

import gc
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from conself.artifacts import Artifact, build
from conself.curricula.selection import Selection, what_would_keep
from conself.models import fingerprint, load_tokenizer, tuned_model
from conself.pairing.build import build_pairs, capped
from conself.records import Candidate, ModelRef, Pool, PreferencePair, Problem, Uncertainty, Verdict
from conself.samplers.guided import observation_figures
from conself.samplers.recorded import MISSING
from conself.sandbox import isolation
from conself.shards import execute_into, sample_into, score_into
from conself.tables import read_records, read_traces, write_json, write_records, write_verdicts
from conself.tracking import Tracker
from conself.training.fit import fit as fit_policy
from conself.validation import sift
from conself.workers import Workers


@dataclass(frozen=True)
class Context:
    """What the stages of one job share: the store's root, workers, console; and what each stage made and took."""

    root: Path
    workers: Workers
    console: Console
    seconds: dict[str, float] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)

    def build(
        self,
        name: str,
        config: Mapping[str, Any],
        inputs: Mapping[str, Artifact],
        make: Callable[[Path], dict[str, Any]],
    ) -> Artifact:
        """``artifacts.build`` with a line on the console; ``name`` is ``stage`` or ``stage/part``."""
        stage, start = name.split("/")[0], time.perf_counter()
        artifact = build(self.root, stage, VERSIONS[stage], config, inputs, make)
        known = artifact.key in {a.key for a in self.artifacts.values()}  # the driving metric is reported as well
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.artifacts[name] = artifact
        if not known:
            how = "reused" if artifact.reused else "done"
            self.console.print(f"[dim]{name:<30} {how:<7}{self.seconds[name]:8.1f} s  {artifact.key[:12]}[/dim]")
        return artifact


VERSIONS = {"problems": 1, "sample": 2, "execute": 2, "score": 1, "select": 1, "pair": 1, "fit": 1, "evaluate": 4}
"""Part of every key: raise a stage's number when its code gives other results for the same config."""


def plain(node: Any) -> Any:
    """A config node as plain data for a key; a ModelRef in it stands as its content's fingerprint."""
    return _identified(OmegaConf.to_container(node, resolve=True))


def _identified(node: Any) -> Any:
    if isinstance(node, dict):
        if node.get("_target_") == f"{ModelRef.__module__}.{ModelRef.__qualname__}":
            return fingerprint(ModelRef(**{k: v for k, v in node.items() if k != "_target_"}))
        return {k: _identified(v) for k, v in node.items()}
    return [_identified(v) for v in node] if isinstance(node, list) else node


def _names_model(node: Any) -> bool:
    return bool(plain(node) != OmegaConf.to_container(node, resolve=True))


def choose(config: DictConfig, *names: str) -> DictConfig:
    """The named top-level keys of a resolved config, as a config: what a stage depends on."""
    return OmegaConf.masked_copy(config, list(names))


def problems(context: Context, config: DictConfig) -> Artifact:
    """Load and validate the data set -> problems.parquet; summary: total, dropped by reason."""
    dataset = instantiate(config, _convert_="all")

    def make(folder: Path) -> dict[str, Any]:
        kept, dropped = sift(dataset())
        _tell(context, f"{len(kept)} problems", dropped)
        write_records(folder / "problems.parquet", Problem, kept)
        return {"total": len(kept), "dropped": dropped}

    return context.build("problems", {"dataset": plain(config), "content": dataset.fingerprint()}, {}, make)


def sample(context: Context, config: DictConfig, model: ModelRef, source: Artifact) -> Artifact:
    """Draw K candidates per problem -> candidates-*.parquet; summary: tokens, completions without code, ..."""
    sampler = instantiate(config, _convert_="all")

    def make(folder: Path) -> dict[str, Any]:
        _give_back()
        known = read_records(source.path, Problem, "problems")
        drawn = sample_into(context, folder, "candidates", "sampling", sampler, model, known)
        return {
            "candidates": len(drawn),
            "tokens": sum(c.n_tokens for c in drawn),
            "without_code": sum(c.code is None for c in drawn),
            "cut_at_limit": sum(c.finish_reason == "length" for c in drawn),
            "observations": observation_figures(drawn),
        }

    key = {"sampler": plain(config), "model": fingerprint(model) if sampler.loads_model else sampler.fingerprint()}
    return context.build("sample", key, {"problems": source}, make)


def execute(context: Context, config: DictConfig, source: Artifact, candidates: Artifact) -> Artifact:
    """Run every candidate on every input in the sandbox -> traces-*.parquet; summary: its counts, and the isolation."""

    def make(folder: Path) -> dict[str, Any]:
        known = read_records(source.path, Problem, "problems")
        drawn = read_records(candidates.path, Candidate, "candidates")
        limits = instantiate(config, _convert_="all")
        return {**execute_into(context, folder, "executing", limits, known, drawn), "isolation": isolation(limits)}

    return context.build("execute", plain(config), {"problems": source, "candidates": candidates}, make)


def score(context: Context, label: str, config: DictConfig, pools: Sequence[Pool], traces: Artifact) -> Artifact:
    """One metric on every problem -> uncertainty-*.parquet; summary: for how many it is undefined.

    ``label`` says under which name the job knows it: ``driver``, or its key among the reported ``metrics``.
    """
    name = str(config["_target_"]).split(".")[-2]  # a metric is called what its module is called

    def make(folder: Path) -> dict[str, Any]:
        if torch.cuda.is_available() and _names_model(config):
            _free_accelerator(context)  # an engine leaves no room for the metric's model
            alone = replace(context, workers=context.workers.sized(1))  # a GPU has no room for a model per worker
            values = score_into(alone, folder, name, instantiate(config), pools)
            _free_accelerator(context)  # nor for this one beside what answers the benchmarks
        else:
            values = score_into(context, folder, name, instantiate(config), pools)
        return {"undefined": sum(u.value is None for u in values)}

    return context.build(f"score/{label}", plain(config), {"traces": traces}, make)


def select(context: Context, config: DictConfig, scores: Artifact) -> Artifact:
    """Apply the curriculum to the driving metric -> selection.json; summary: kept, dropped by reason.

    Raises:
        ValueError: nothing is left; the message gives the range of uncertainty and what would keep something.
    """

    def make(folder: Path) -> dict[str, Any]:
        selection: Selection = instantiate(config)(read_records(scores.path, Uncertainty, "uncertainty"))
        if not selection.kept:
            reasons = ", ".join(f"{n}: {reason}" for reason, n in Counter(selection.dropped.values()).most_common())
            raise ValueError(
                f"the curriculum keeps no problem ({reasons}): {what_would_keep(selection)}; "
                "change tau, sample more candidates, or see the statuses in the manifest of stage execute"
            )
        write_json(folder / "selection.json", asdict(selection))
        return {
            "kept": len(selection.kept),
            "dropped": dict(Counter(selection.dropped.values())),
            "entropy_range": [selection.minimum, selection.maximum],
        }

    return context.build("select", plain(config), {"scores": scores}, make)


def pair(
    context: Context, config: DictConfig, model: ModelRef, pools: Sequence[Pool], traces: Artifact, selected: Artifact
) -> Artifact:
    """Preference pairs of the kept problems -> pairs.parquet; summary: pairs, problems, dropped by reason.

    ``config`` holds pairing, comparison, prompts, max_pairs and seed.

    Raises:
        ValueError: no kept problem gives a pair; the message counts the reasons.
    """

    def make(folder: Path) -> dict[str, Any]:
        parts = instantiate(config, _convert_="all")  # a plain dict, or OmegaConf would wrap the parts again
        kept = set(json.loads((selected.path / "selection.json").read_text())["kept"])
        chosen = [pool for pool in pools if pool.problem.id in kept]
        tokenizer = load_tokenizer(model)
        pairs, dropped = build_pairs(chosen, parts["pairing"], parts["comparison"], parts["prompts"], tokenizer)
        found = len({p.problem_id for p in pairs})
        pairs = capped(pairs, parts["max_pairs"], parts["seed"])
        if left := found - len({p.problem_id for p in pairs}):
            dropped["beyond max_pairs"] = left
        write_records(folder / "pairs.parquet", PreferencePair, pairs)
        return {"pairs": len(pairs), "problems": len({p.problem_id for p in pairs}), "dropped": dropped}

    key = {**plain(config), "model": fingerprint(model)}
    return context.build("pair", key, {"traces": traces, "selection": selected}, make)


def fit(context: Context, config: DictConfig, model: ModelRef, pairs: Artifact, tracker: Tracker) -> Artifact:
    """Train on the pairs -> adapter/ (PEFT), or model/ (all weights), or both (export=merged); steps.json.

    ``config`` holds training, loss and seed. Curves go to the tracker as training runs; those of a training found in
    the store are played back.
    """

    def make(folder: Path) -> dict[str, Any]:
        _free_accelerator(context)
        context.workers.release_others()  # engines hold much memory on a CPU, too
        parts = instantiate(config, _convert_="all")  # a plain dict, or OmegaConf would wrap the parts again
        data = read_records(pairs.path, PreferencePair, "pairs")
        settings, references = parts["training"], context.root / "reference"
        logger = tracker.training_logger()
        report = asdict(
            fit_policy(data, model, settings, parts["loss"], parts["seed"], folder, references, logger),
        )
        write_json(folder / "steps.json", report.pop("curve"))
        return report

    fitted = context.build("fit", {**plain(config), "model": fingerprint(model)}, {"pairs": pairs}, make)
    if fitted.reused:
        steps = json.loads((fitted.path / "steps.json").read_text())
        tracker.replay([{f"train/{name}": value for name, value in row.items()} for row in steps])
    return fitted


def evaluate(
    context: Context, name: str, config: DictConfig, model: ModelRef | None, tuned: Artifact | None
) -> Artifact:
    """Answers to one benchmark, run and judged -> answers-*, traces-*.parquet, verdicts.jsonl.

    ``config`` holds benchmark (by name), decoder and judging (the sandbox's limits). ``model`` is not read by a decoder
    that loads none; ``tuned`` is the fit that made another of it, None for the model as it is.
    """
    slices = {"benchmark": config.benchmark[name], "decoder": config.decoder, "judging": config.judging}
    policy = model if model is None or tuned is None else tuned_model(model, tuned.path)
    who = "base" if tuned is None else "tuned"
    parts = {part: instantiate(node, _convert_="all") for part, node in slices.items()}

    def make(folder: Path) -> dict[str, Any]:
        _give_back()
        task = parts["benchmark"]()
        _tell(context, f"{name}: {len(task.problems)} problems", task.dropped)
        label = f"answering ({who})"
        answers = sample_into(context, folder, "answers", label, parts["decoder"], policy, task.problems)
        counts = execute_into(context, folder, f"judging ({who})", parts["judging"], task.problems, answers)
        traces = read_traces(folder, "traces")
        passed = task.judge([(p, traces[p.id]) for p in task.problems], context.workers.count)
        verdicts = [Verdict(p.id, p.difficulty, tuple(passed[p.id])) for p in task.problems]
        write_verdicts(folder / "verdicts.jsonl", verdicts)
        answered = [v.passed for v in verdicts]
        unanswered = sum(a.finish_reason == MISSING for a in answers)
        if unanswered:
            context.console.print(f"- {unanswered} without an answer: they count as wrong", highlight=False)
        totals = {"unanswered": unanswered, "passed": sum(map(sum, answered)), "answers": sum(map(len, answered))}
        return {**totals, "dropped": dict(task.dropped), "execution": counts}

    # A tuned model is known by its content, not by the fit it comes from: conself.evaluate finds what a training made.
    decoder = parts["decoder"]
    answers_by = fingerprint(policy) if decoder.loads_model and policy is not None else decoder.fingerprint()
    key = {part: plain(node) for part, node in slices.items()}
    key |= {"content": parts["benchmark"].fingerprint(), "model": answers_by}
    return context.build(f"evaluate/{name}/{who}", key, {}, make)


def _tell(context: Context, what: str, dropped: Mapping[str, int]) -> None:
    context.console.print(what, highlight=False)
    for reason, n in sorted(dropped.items(), key=lambda item: -item[1]):
        context.console.print(f"- {n} left out: {reason}", highlight=False)


def _free_accelerator(context: Context) -> None:
    """End workers and engines where they hold GPU memory that is needed now; on a CPU warm workers cost nothing."""
    if torch.cuda.is_available():
        context.workers.release()
        _give_back()


def _give_back() -> None:
    """Let go of the GPU memory that a training in this process has left: an engine wants nearly all of it."""
    gc.collect()  # model, trainer and optimiser refer to one another
    torch.cuda.empty_cache()  # does nothing where CUDA was not in use
