"""The context that a job's stages share (store, executor, console), and releasing the memory that engines hold."""

import gc
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from conself.executors.executor import Executor
from conself.runtime.console import say
from conself.runtime.memory import peak_memory, return_freed
from conself.runtime.progress import working
from conself.sandbox.jsonlines import Json, Plain
from conself.store.artifacts import Artifact, Stage, build, other_version


@dataclass(frozen=True)
class Context:
    """Everything the stages of one job share: the store's root, the executor, the console, and a record of each stage.

    ``seconds``, ``peaks`` (bytes of main memory) and ``artifacts`` are keyed by the names of results. ``announced``
    holds the labels of messages that are printed only once.
    """

    root: Path
    executor: Executor
    console: Console
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    announced: set[str] = field(default_factory=set)

    def _tell_other_version(self, stage: Stage) -> None:
        """Announce once that the store holds results of another version of ConSelf, which are not used."""
        if "version" not in self.announced and (other := other_version(self.root, stage)) is not None:
            self.announced.add("version")
            say(
                self.console,
                f"{self.root} has results of another version of ConSelf ({stage.name}: {other}, now {stage.version}): "
                "they are not used, and made again; artifacts=FOLDER takes another store",
            )

    @property
    def executed(self) -> Path:
        """The folder that caches executed shards: :class:`conself.pipelines.executed.Executed`."""
        return self.root / "executed"

    def anew(self) -> Self:
        """Return a context for another round: the same store and executor, empty records."""
        return replace(self, seconds={}, peaks={}, artifacts={})

    def build(
        self,
        stage: Stage,
        name: str,
        config: Mapping[str, Json],
        inputs: Mapping[str, Artifact],
        make: Callable[[Path], Mapping[str, Plain]],
    ) -> Artifact:
        """Build an artifact, record its time and memory under ``name``, and print a line."""
        start = time.perf_counter()

        def shown(folder: Path) -> Mapping[str, Plain]:
            self._tell_other_version(stage)
            with working(self.console, name), peak_memory() as peak:
                summary = make(folder)
            self.peaks[name] = max(self.peaks.get(name, 0), peak.bytes)
            return summary

        artifact = build(self.root, stage, config, inputs, shown)
        is_listed = artifact.key in {a.key for a in self.artifacts.values()}
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.artifacts[name] = artifact
        if not is_listed:
            how = "reused" if artifact.reused else "done"
            say(self.console, f"{name:<30} {how:<7}{self.seconds[name]:8.1f} s  {artifact.key[:12]}", style="dim")
        return artifact

    def alias(self, name: str, artifact: Artifact) -> Artifact:
        """Record an artifact of this job under a second name, at no time."""
        self.seconds[name] = 0.0
        self.artifacts[name] = artifact
        return artifact


def choose(config: DictConfig, *names: str) -> DictConfig:
    """Return a config with only the named top-level keys of a resolved config: those that a stage depends on."""
    return OmegaConf.masked_copy(config, list(names))


def changed(config: DictConfig, values: Mapping[str, Plain]) -> DictConfig:
    """Return a config with some values replaced; keys that ``values`` doesn't name stay."""
    merged = OmegaConf.merge(config, values)
    if not isinstance(merged, DictConfig):
        raise TypeError(f"expected a mapping as config, got {type(merged).__name__}")
    return merged


def tell(context: Context, what: str, dropped: Mapping[str, int]) -> None:
    """Print ``what`` was loaded, and a line per reason for which things were left out."""
    say(context.console, what)
    for reason, n in sorted(dropped.items(), key=lambda item: -item[1]):
        say(context.console, f"- {n} left out: {reason}")


def gpu_is_there() -> bool:
    """Return whether torch sees a GPU: parts with ``device: auto`` use it."""
    import torch

    return torch.cuda.is_available()


def free_accelerator(context: Context) -> None:
    """Stop workers and engines if they hold GPU memory; on a CPU warm workers cost nothing."""
    if gpu_is_there():
        free_memory(context)


def free_memory(context: Context) -> None:
    """Stop workers and engines, each of which may hold a model, to make room in memory."""
    context.executor.release()
    give_back()


def give_back() -> None:
    """Release memory left over from a training run in this process: an engine wants nearly all of a GPU's."""
    gc.collect()  # model, trainer and optimiser refer to one another
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()  # does nothing where CUDA was not in use
    return_freed()
