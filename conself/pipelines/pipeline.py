"""What kind of work a job does: a part of its own, ``pipeline=NAME``, and what it is given."""

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

    A part that takes the policy says ``model: ${model}``; such interpolations stand in ``written`` and are resolved in
    ``config``, so that :meth:`with_model` reaches every such part, and none that names a model of its own.
    """

    written: DictConfig
    folder: Path
    in_sweep: bool

    @property
    def config(self) -> DictConfig:
        """The config without interpolations, and with a dtype in the place of ``auto``.

        Raises:
            OmegaConfBaseException: a value is missing (???), or an interpolation leads nowhere.
        """
        return self._resolved[0]

    @property
    def note(self) -> str | None:
        """Which dtype was chosen and why, in one line; None where there was nothing to choose."""
        return self._resolved[1]

    @cached_property
    def _resolved(self) -> tuple[DictConfig, str | None]:
        return with_dtypes(resolved(self.written))

    def with_model(self, model: ModelRef) -> Job:
        """The same job with another model as policy, also inside the parts that take it (``${model}``)."""
        written = deepcopy(self.written)
        with open_dict(written):
            written.model = {"_target_": self.config.model["_target_"], **asdict(model)}
        return replace(self, written=written)


def resolved(config: DictConfig) -> DictConfig:
    """The config without interpolations, so that a slice of it stands on its own; a missing value (???) is an error.

    Settings for benchmarks that are not chosen (``size=smoke`` has some) are left out.
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
        """Those of ``parts`` that may be null."""
        ...

    def headlines(self, job: Job) -> Sequence[str]:
        """The top-level keys whose values are shown when the job starts, with where they come from."""
        ...

    def check(self, job: Job) -> None:
        """Refuse what cannot work, before any work and without importing torch.

        Raises:
            ValueError, OSError: names the setting, and what would do.
        """
        ...

    def load(self, job: Job, console: Console) -> None:
        """Import what the work needs in this process, while workers start; refuse what only that can tell.

        Raises:
            ValueError, OSError: as :meth:`check`.
        """
        ...

    def work(self, job: Job, context: Context, tracker: Tracker) -> dict[str, Plain]:
        """All stages; returns the figures of ``results.json``."""
        ...

    def show(self, console: Console, figures: dict[str, Plain]) -> None:
        """Print the figures."""
        ...
