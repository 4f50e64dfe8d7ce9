"""Shared by the entry points: resolvers, checks of all parts before any work, one-line errors, the run folder."""

import contextlib
import gc
import importlib.util
import logging
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException, HydraException, InstantiationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException
from rich.console import Console

import conself.app.hydra_store  # noqa: F401  # it changes Hydra
from conself.app.checks import check_types
from conself.app.labels import check_labels, words_of
from conself.app.metric_models import metric_models
from conself.app.nodes import check_nodes
from conself.app.old_words import check_old_files, check_old_keys
from conself.app.origin import composition, origin
from conself.engines.engine import Engine
from conself.executors.executor import Executor
from conself.pipelines.context import Context
from conself.pipelines.pipeline import Job, Pipeline
from conself.results import benchmarks
from conself.runtime.console import new_console, say
from conself.runtime.parts import build
from conself.runtime.plain import settings_of
from conself.runtime.progress import working
from conself.sandbox import isolation
from conself.sandbox.jobs import Limits
from conself.sandbox.terminal import answer_interrupts
from conself.tracking import Tracker, record

log = logging.getLogger("conself")

_USUAL = gc.get_threshold()
gc.set_threshold(50_000, *_USUAL[1:])  # composing a config makes many objects, no garbage: a quarter of the start


def package_path(package: str, name: str) -> str:
    """Return the path of a file or folder inside an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        name_of_wheel = package.replace("_", "-")
        raise ValueError(f"package {package!r} is not installed; run `make setup`, or `pip install {name_of_wheel}`")
    return str(Path(spec.origin).parent / name)


def if_installed(package: str, value: str, else_: str) -> str:
    """Return ``value`` if a package is installed, else ``else_``; the package is not imported."""
    return else_ if importlib.util.find_spec(package) is None else value


def check_top(config: DictConfig, parts: Sequence[str], optional: Collection[str]) -> None:
    """Check that every top-level key of ``parts`` holds a part or a group of parts, and ``artifacts`` a path.

    Those of ``parts`` that are ``optional`` may be null.

    Raises:
        ValueError: names the key and its value.
    """
    for name in (*parts, "tracking", "executor"):
        if name not in config:
            raise ValueError(f"pipeline={config.pipeline['_target_']} reads {name}, which this command does not have")
        value = config[name]
        if not isinstance(value, DictConfig) and not (value is None and name in optional):
            raise ValueError(f"{name} must be a part, of which conf/ has a choice, or a group of keys, got {value!r}")
    if type(config.artifacts) is not str:
        raise ValueError(f"artifacts must be a folder's path, got {config.artifacts!r}")


class JobFailed(CompactHydraException):
    """A job ended with an error that was shown; the other jobs of a sweep go on, and the exit status is not 0."""


@contextlib.contextmanager
def one_line_errors(console: Console, folder: Path, in_sweep: bool) -> Iterator[None]:
    """Show an error as one line on the console; its traceback goes to the log in the run folder.

    Finished results stay on disk, and the same command resumes from them.

    Raises:
        JobFailed: in a sweep, in place of any exception, so that the other jobs go on.
        SystemExit: status 2, in place of any exception of a single job; 130 for Ctrl-C, which ends a sweep as well.
    """
    try:
        yield
    except KeyboardInterrupt:
        say(console, "finished results are kept; run the same command to continue", "interrupted:", "bold red")
        raise SystemExit(130) from None
    except Exception as error:
        log.debug("traceback of the error shown", exc_info=error)
        is_expected = isinstance(error, _KNOWN) or _is_out_of_memory(error)
        kind = "error" if is_expected else f"unexpected {type(error).__name__} (traceback in {folder})"
        say(console, _one_line(error), f"{kind}:", "bold red")
        if in_sweep:
            raise JobFailed("the job ended early") from None
        raise SystemExit(2) from None


_KNOWN = (ValueError, OSError, FloatingPointError, HydraException, OmegaConfBaseException)
_MEMORY = (
    "lower engine.runtime.batch_size or training.runtime.layout.token_budget "
    "(experiments/paper_scale.md says what fits where); finished shards are kept"
)


_NOT_THERE = re.compile(
    r"Error trying to access ([\w.@]+): node `([\w.@]+)` is not a container|Interpolation key '([\w.@]+)' not found"
)
"""How OmegaConf tells where a setting that follows another one leads nowhere."""


def _is_out_of_memory(error: BaseException) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)


def _one_line(error: BaseException) -> str:
    if _is_out_of_memory(error):
        return f"{' '.join(str(error).split('. ')[0].split())}; {_MEMORY}"
    where = ""
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        lines = [line.strip() for line in str(error).splitlines()]
        where = next((line for line in lines if line.startswith("full_key:")), where)
        error = error.__cause__
    followed = _NOT_THERE.search(str(error)) if isinstance(error, InterpolationResolutionError) else None
    if followed is not None and (key := "".join(str(error).partition("full_key: ")[2].split()[:1])):
        target, missing = followed[1] or followed[3], followed[2]
        why = f"{missing} has no settings: choose a part for it" if missing else "that is missing: set it"
        return f"{key} is taken from {target}, but {why}, or set {key} itself"
    text = " ".join(str(error).split())
    return f"{text} ({where})" if where else text


def run(written: DictConfig, folder: Path, in_sweep: bool) -> None:
    """Check all parts, run the job's pipeline, write results.json into the run folder, and print the figures.

    ``written`` may hold interpolations. A dashboard names the job by the overrides of the command line.

    Raises:
        JobFailed, SystemExit: as in ``one_line_errors``.
    """
    answer_interrupts()
    console = new_console()
    overrides = list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []
    with one_line_errors(console, folder, in_sweep):
        gc.set_threshold(*_USUAL)
        (folder / benchmarks.NAME).unlink(missing_ok=True)  # of an earlier job in this folder: this one may fail
        job = Job(written, folder, in_sweep)
        config = job.config
        pipeline = _pipeline(config)
        executor = _checked(job, pipeline, console)
        tracker = build(config.tracking, Tracker)
        failed = True
        try:
            with working(console, pipeline.kind), executor:
                _warm(pipeline, config, executor)
                pipeline.load(job, console)
                tracker.start(folder, config, pipeline.kind, overrides, folders_below_sweep() if in_sweep else 0)
                context = Context(Path(config.artifacts), executor, console)
                figures = pipeline.work(job, context, tracker)
                if config.get("labels") is not None:
                    figures = {"labels": config.labels, **figures}
            path = benchmarks.write(folder, figures, config, context.artifacts)
            record(tracker, figures)
            tracker.link(context.artifacts)
            failed = False
        finally:
            last = tracker.finish(failed)
            if last and failed:
                say(console, last)
        pipeline.show(console, figures)
        if "labels" in figures:
            say(console, f"labels: {figures['labels']}: {words_of(figures['labels'])}")
        say(console, f"figures: {path}")
        if last:  # below the tables, where it is seen
            say(console, last)


def _pipeline(config: DictConfig) -> Pipeline:
    """Build the pipeline."""
    check_old_keys(config)
    _, choices, folders = composition()
    check_old_files(folders, choices.get("model", ""))
    if not isinstance(config.pipeline, DictConfig):
        raise ValueError(f"pipeline must be a part, of which conf/pipeline/ has a choice, got {config.pipeline!r}")
    return build(config.pipeline, Pipeline)


def _checked(job: Job, pipeline: Pipeline, console: Console) -> Executor:
    """Run all checks, print the job's main settings, and return the executor."""
    from conself.app.parts import check_benchmarks, check_parts  # the contracts of all parts: --help can do without

    config = job.config
    if job.note is not None:
        say(console, job.note)
    check_top(config, pipeline.parts, pipeline.optional(job))
    executor = _executor(config)  # it starts nothing yet
    check_parts(config, pipeline.parts)
    check_labels(config)
    check_nodes(config, pipeline.parts)
    pipeline.check(job)
    for key in pipeline.headlines(job):
        say(console, f"{key} {config[key]}: {origin(job.written, key)}")
    for line in metric_models(config, pipeline.parts):
        say(console, line)
    for name in pipeline.limits:
        isolation(build(config[name], Limits))  # reported now, not after hours of sampling
    check_benchmarks(config)
    return executor


def _executor(config: DictConfig) -> Executor:
    """Build the executor; first, so that a wrong number is reported under its own key: samplers inherit it."""
    plain = settings_of(config.executor)
    check_types(plain, "executor")
    return build(config.executor, Executor)


def folders_below_sweep() -> int:
    """Return the depth of a job's folder below its sweep's folder, by ``hydra.sweep.subdir``; 1 if unknown."""
    return len(Path(str(HydraConfig.get().sweep.subdir)).parts) if HydraConfig.initialized() else 1


def _warm(pipeline: Pipeline, config: DictConfig, executor: Executor) -> None:
    """Let the workers start their imports while this process does its own."""
    if pipeline.first is not None and config[pipeline.first] is not None:
        first = build(config[pipeline.first], Engine)
        if first.runtime.processes is not None:  # how many is settled when there is something to draw
            executor.sized(first.runtime.processes).warm(first.modules)


OmegaConf.register_new_resolver("package_path", package_path, replace=True)
OmegaConf.register_new_resolver("if_installed", if_installed, replace=True)
