"""Learn from problems that the model writes itself, ``pipeline=proposed``: propose, then run ``preference``."""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from omegaconf import DictConfig, open_dict
from rich.console import Console

from conself.benchmarks.task import Benchmark
from conself.engines.engine import Engine
from conself.pipelines.contamination import Statements
from conself.pipelines.context import Context
from conself.pipelines.pipeline import Job
from conself.pipelines.preference import checks
from conself.pipelines.preference.pipeline import Preference
from conself.pipelines.proposing import Proposing, propose
from conself.proposers.proposer import Proposer
from conself.records import ModelRef
from conself.runtime.parts import build, build_all
from conself.sandbox.jsonlines import Plain
from conself.tracking import Tracker


@dataclass(frozen=True)
class Proposed:
    """The model proposes problems before the first round; all rounds learn from them."""

    kind: ClassVar[str] = "train"
    parts: ClassVar[Sequence[str]] = ("proposer", *Preference.parts)
    limits: ClassVar[Sequence[str]] = Preference.limits
    first: ClassVar[str | None] = Preference.first

    def optional(self, job: Job) -> Collection[str]:
        """As for ``preference``; the proposer is required."""
        return Preference().optional(job)

    def headlines(self, job: Job) -> Sequence[str]:
        """As for ``preference``."""
        return Preference().headlines(job)

    def check(self, job: Job) -> None:
        """Validate the config of proposing and of training.

        Raises:
            OSError, ValueError: as ``preference``; or ``dataset`` is not ``generated``, or no engine loads the model.
        """
        check_proposing(job.config)
        checks.check(job.config)

    def load(self, job: Job, console: Console) -> None:
        """As for ``preference``."""
        Preference().load(job, console)

    def work(self, job: Job, context: Context, tracker: Tracker) -> dict[str, Plain]:
        """Propose problems and run ``preference`` on them; ``proposed`` in the figures has the counts of asks."""
        config = job.config
        proposals = propose(
            context,
            Proposing.of(config, build(config.model, ModelRef)),
            Statements.worded(build_all(config.benchmark, Benchmark)),
        )
        keys = {name: artifact.key for name, artifact in context.artifacts.items()}
        own: dict[str, Mapping[str, Plain]] = {
            "seconds": dict(context.seconds),
            "peak_memory": dict(context.peaks),
            "artifacts": keys,
        }
        figures = Preference().work(with_problems(job, proposals.path), context, tracker)
        figures.update({name: _joined(before, figures[name]) for name, before in own.items()})
        return {**figures, "proposed": proposals.summary()}

    def show(self, console: Console, figures: dict[str, Plain]) -> None:
        """As for ``preference``; the figures of proposing were printed earlier."""
        Preference().show(console, figures)


def _joined(before: Mapping[str, Plain], after: Plain) -> dict[str, Plain]:
    """Merge the per-stage figures of proposing with those of the later stages."""
    return {**before, **(after if isinstance(after, Mapping) else {})}


def with_problems(job: Job, folder: Path) -> Job:
    """Return the job with the problems of a folder as its data set."""
    written = deepcopy(job.written)
    with open_dict(written):
        written.dataset.path = str(folder)
    return replace(job, written=written)


def check_proposing(config: DictConfig) -> None:
    """Validate the config of proposing.

    Raises:
        OSError: a file that the proposer reads does not exist.
        ValueError: ``dataset`` is not ``generated`` or has a path already, or the engine does not load the model.
    """
    if "path" not in config.dataset or config.dataset.path is not None:
        raise ValueError(
            "pipeline=proposed learns from what it proposes itself: set dataset=generated without dataset.path; "
            "or learn from a data set that is there with pipeline=preference"
        )
    build(config.proposer, Proposer).check()
    if config.engine is None or not build(config.engine, Engine).loads_model:
        raise ValueError(
            "the model that is trained is to propose, and this engine loads none; set engine=transformers or vllm"
        )
