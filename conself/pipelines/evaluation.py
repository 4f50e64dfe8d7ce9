"""Judge answers to benchmarks, ``pipeline=evaluation``: a model's answers, or completions made elsewhere."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from omegaconf import DictConfig, ListConfig
from rich.console import Console

from conself.benchmarks.task import Benchmark
from conself.engines.engine import Engine
from conself.models.transformers import check_model, fingerprint
from conself.pipelines import answering
from conself.pipelines.context import Context
from conself.pipelines.parts import asking
from conself.pipelines.pipeline import Job
from conself.pipelines.provenance import refuse_own_figures, trained_into
from conself.records import ModelRef, Verdict
from conself.results import benchmarks, names, show
from conself.results.shortfalls import Counts, losses, with_remedies
from conself.runtime.parts import build, build_all
from conself.runtime.plain import to_plain
from conself.runtime.versions import versions
from conself.samplers.recorded import Recorded
from conself.sandbox.jsonlines import Plain
from conself.store.artifacts import write_whole
from conself.store.tables import read_verdicts, verdict_row
from conself.tracking import Tracker

VERDICTS = "verdicts.jsonl"


@dataclass(frozen=True)
class Evaluation:
    """Answer every benchmark, alone and by voters, and compare with another evaluation."""

    kind: ClassVar[str] = "evaluate"
    parts: ClassVar[Sequence[str]] = (
        "model",
        "engine",
        "decoder",
        "judging",
        "benchmark",
        "voters",
        "comparison",
        "behaviour",
    )
    limits: ClassVar[Sequence[str]] = ("judging",)
    first: ClassVar[str | None] = "engine"

    def optional(self, job: Job) -> Collection[str]:
        """``engine`` and ``model`` may be null when ``samples`` are judged."""
        return () if job.config.samples is None else ("engine", "model")

    def headlines(self, job: Job) -> Sequence[str]:  # noqa: ARG002
        """None."""
        return ()

    def check(self, job: Job) -> None:
        """Validate the config; raises as :func:`check`."""
        check(job.config)

    def load(self, job: Job, console: Console) -> None:
        """Do nothing: workers load the model."""

    def work(self, job: Job, context: Context, tracker: Tracker) -> dict[str, Plain]:  # noqa: ARG002
        """Write verdicts.jsonl to the run folder and return the figures; raises as :func:`judged`."""
        return judged(job, context)

    def show(self, console: Console, figures: dict[str, Plain]) -> None:
        """Print pass@k, or the comparison with ``versus``."""
        show.show_evaluation(console, figures)


def judged(job: Job, context: Context) -> dict[str, Plain]:
    """Answer and judge all benchmarks -> verdicts.jsonl in the run folder; returns the figures of ``results.json``.

    Raises:
        ValueError: ``versus`` has other problems.
    """
    config = job.config
    model = None if config.model is None else build(config.model, ModelRef)
    others = _others(config)
    answers = {
        str(name): answering.answer(context, config, str(name), "base", model, None) for name in config.benchmark
    }
    verdicts = {name: benchmarks.verdicts(answered.alone) for name, answered in answers.items()}
    write_verdicts(job.folder / VERDICTS, verdicts)
    windows = {name: benchmarks.window(config.benchmark[name]) for name in answers}
    ks = _ks(config)
    figures = {name: windows[name] | benchmarks.answered_figures(each, ks, config) for name, each in answers.items()}
    for name, other in others.items():
        compared = benchmarks.paired_figures(other, verdicts[name])
        figures[name]["versus"] = {**benchmarks.pass_figures(other, None), **compared}
    return {
        "model": None if config.model is None else to_plain(config.model),
        "samples": config.samples,
        "versus": config.versus,
        "benchmarks": figures,
        **with_remedies(_losses(config, context, verdicts), context.artifacts),
        "seconds": context.seconds,
        "peak_memory": context.peaks,
        "artifacts": {name: artifact.key for name, artifact in context.artifacts.items()},
        "versions": versions(),
    }


def check(config: DictConfig) -> None:
    """Validate the config of an evaluation before any work.

    Raises:
        OSError: the adapter, ``versus`` or the model does not exist.
        ValueError: there is no benchmark, both ``samples`` and an adapter are given, the engine cannot load the
            adapter, ``k`` is wrong or needs more answers than are drawn, or ``versus`` lacks a benchmark.
    """
    if not config.benchmark:
        raise ValueError("there is nothing to evaluate on; name a benchmark, such as benchmark=[humaneval,mbpp]")
    if config.samples is not None and config.adapter is not None:
        raise ValueError("samples are judged unchanged, without a model: leave out adapter, or samples")
    adapter = None if config.model is None else config.model.adapter
    if config.model is not None:
        refuse_own_figures(trained_into((adapter, config.model.name)), build_all(config.benchmark, Benchmark))
    if adapter is not None and not (Path(adapter) / "adapter_config.json").is_file():
        raise FileNotFoundError(
            f"adapter {adapter!r} has no adapter_config.json; name a PEFT folder: artifacts/fit/KEY/adapter, say"
        )
    engine = asking(config.decoder, config.engine).engine
    if config.model is not None:
        _check_model(engine, build(config.model, ModelRef))
    answering.check_voters(config)
    _ks(config)
    _others(config)


def _check_model(engine: Engine, model: ModelRef) -> None:
    """Check that the engine can load the model and its adapter; raises as ``check`` does."""
    settings = None if model.adapter is None else json.loads((Path(model.adapter) / "adapter_config.json").read_text())
    if engine.loads_model:
        check_model(model)
        engine.check_model(model)
        if settings is not None:
            _check_base(model, settings["base_model_name_or_path"])
    if settings is not None:
        engine.check_adapter(settings)


def _check_base(model: ModelRef, trained_on: str) -> None:
    """Check that an adapter was trained on these weights (a later round's was trained on the previous round's model).

    Raises:
        ValueError: it was trained on another folder's weights.
    """
    if not Path(trained_on).is_dir() or trained_on == model.name:
        return  # a hub's name may be a copy's
    base = replace(model, adapter=None)
    if fingerprint(replace(base, name=trained_on, revision=None)) != fingerprint(base):
        raise ValueError(f"adapter={model.adapter} was trained on {trained_on}; set model.name={trained_on}")


def _losses(config: DictConfig, context: Context, verdicts: Mapping[str, Sequence[Verdict]]) -> dict[str, Counts]:
    """Count the losses of the artifacts, and the samples in a file that were not judged."""
    lost = losses(context.artifacts)
    for name, rows in verdicts.items() if config.samples is not None else ():
        unused = build(config.decoder, Recorded).unused([verdict.problem_id for verdict in rows])
        label = names.evaluated(name, "base")
        if counts := {key: n for key, n in unused.items() if n}:
            lost[label] = {**lost.get(label, {}), **counts}
    return lost


def _others(config: DictConfig) -> dict[str, list[Verdict]]:
    return (
        {}
        if config.versus is None
        else {str(name): other_verdicts(Path(config.versus), name) for name in config.benchmark}
    )


def _ks(config: DictConfig) -> list[int] | None:
    if config.k is None:
        return None
    ks = list(config.k) if isinstance(config.k, ListConfig) else [config.k]
    if not ks or any(type(k) is not int or k < 1 for k in ks):
        raise ValueError(f"k must be a list of ints from 1, such as k=[1,10], got {config.k}")
    if "n" in config.decoder and max(ks) > config.decoder.n:
        raise ValueError(
            f"pass@{max(ks)} needs {max(ks)} answers to each problem, and decoder.n is {config.decoder.n}; "
            f"set decoder.n={max(ks)} or more (and decoder.temperature, 0.8 say), or a smaller k"
        )
    return ks


def other_verdicts(path: Path, benchmark: str) -> list[Verdict]:
    """Read another evaluation's verdicts on a benchmark, or those of the model that a training run kept.

    Raises:
        FileNotFoundError: ``path`` is neither a run's folder nor a file of verdicts.
        ValueError: it has no verdicts on this benchmark.
    """
    places = (path, path / VERDICTS, *_kept(path, benchmark))
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise FileNotFoundError(f"versus={path}: there is no {VERDICTS}; name a run folder or such a file")
    if not (rows := read_verdicts(file, benchmark)):
        raise ValueError(f"versus={path}: no verdicts on {benchmark} in {file}; evaluate the other model on it first")
    return rows


def _kept(run: Path, benchmark: str) -> list[Path]:
    """List the possible folders of verdicts on a training run's kept model: of its best round, or else of its last."""
    tuned, base = (f"{names.evaluated(benchmark, variant)}/{VERDICTS}" for variant in ("tuned", "base"))
    try:
        best = json.loads((run / "results.json").read_text()).get("best_round")
    except (OSError, ValueError, AttributeError):
        best = None
    if best is not None:
        return [run / "artifacts" / f"round{best or 1}" / (tuned if best else base)]
    rounds = sorted(run.glob(f"artifacts/round*/{tuned}"), key=lambda folder: (len(str(folder)), folder), reverse=True)
    return [run / "artifacts" / tuned, *rounds]


def write_verdicts(path: Path, by_benchmark: Mapping[str, Sequence[Verdict]]) -> None:
    """Write the verdicts on several benchmarks as JSON lines: ``benchmark``, and the keys of ``verdict_row``."""
    rows = [{"benchmark": name, **verdict_row(v)} for name, verdicts in by_benchmark.items() for v in verdicts]
    write_whole(path, lambda temporary: temporary.write_text("".join(json.dumps(row) + "\n" for row in rows)))
