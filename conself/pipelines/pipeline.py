"""The contract of a pipeline (``pipeline=NAME``), and the job that is handed to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Protocol

from omegaconf import DictConfig, OmegaConf, open_dict
from rich.console import Console

from conself.models.dtypes import with_dtypes
from conself.pipelines.context import Context
from conself.records import ModelRef
from conself.sandbox.jsonlines import Plain
from conself.tracking import Tracker


@dataclass(frozen=True)
class Job:
    """One job of the command line: its config as it was composed, its run folder, and whether it is one of a sweep.

    A part that takes the policy says ``model: ${model}``; such interpolations are kept in ``written`` and resolved in
    ``config``, so that :meth:`with_model` reaches every such part, and none that names a model of its own.
    """

    written: DictConfig
    folder: Path
    in_sweep: bool

    @property
    def config(self) -> DictConfig:
        """The config without interpolations, and with a dtype in place of ``auto``.

        Raises:
            OmegaConfBaseException: a value is missing (???), or an interpolation leads nowhere.
        """
        return self._resolved[0]

    @property
    def note(self) -> str | None:
        """One line on the chosen dtype and the reason; None if there was nothing to choose."""
        return self._resolved[1]

    @cached_property
    def _resolved(self) -> tuple[DictConfig, str | None]:
        return with_dtypes(resolved(self.written))

    def with_model(self, model: ModelRef) -> Job:
        """Return the job with another model as policy, also inside the parts that refer to it (``${model}``)."""
        written = deepcopy(self.written)
        with open_dict(written):
            written.model = {"_target_": self.config.model["_target_"], **asdict(model)}
        return replace(self, written=written)


def resolved(config: DictConfig) -> DictConfig:
    """Resolve all interpolations, so that parts of the config can be used alone; a missing value (???) is an error.

    Settings for benchmarks that were not chosen (``size=smoke`` has some) are removed.
    """
    plain = OmegaConf.create(OmegaConf.to_container(config, resolve=True, throw_on_missing=True))
    if not isinstance(plain, DictConfig):
        raise TypeError(f"expected a mapping as config, got {type(plain).__name__}")
    if isinstance(plain.get("benchmark"), DictConfig):
        plain.benchmark = {name: node for name, node in plain.benchmark.items() if "_target_" in node}
    return plain


class Pipeline(Protocol):
    """One kind of job: which parts of the config it reads, its checks, its stages and its results.

    Attributes:
        kind: what a dashboard calls such jobs.
        parts: the top-level keys of the parts that it reads; all are built once before any work.
        limits: those of ``parts`` that are limits of the sandbox.
        first: the top-level key of the engine that the workers load first; None where no engine is asked.
    """

    kind: ClassVar[str]
    parts: ClassVar[Sequence[str]]
    limits: ClassVar[Sequence[str]]
    first: ClassVar[str | None]

    def optional(self, job: Job) -> Collection[str]:
        """Return those of ``parts`` that may be null."""
        ...

    def headlines(self, job: Job) -> Sequence[str]:
        """Return the top-level keys whose values, and their origins, are printed when the job starts."""
        ...

    def check(self, job: Job) -> None:
        """Validate the config before any work, without importing torch.

        Raises:
            ValueError, OSError: names the wrong setting and the remedy.
        """
        ...

    def load(self, job: Job, console: Console) -> None:
        """Import what the work needs while workers start, and run the checks that need these imports.

        Raises:
            ValueError, OSError: as :meth:`check`.
        """
        ...

    def work(self, job: Job, context: Context, tracker: Tracker) -> dict[str, Plain]:
        """Run all stages; return the figures of ``results.json``."""
        ...

    def show(self, console: Console, figures: dict[str, Plain]) -> None:
        """Print the figures."""
        ...
