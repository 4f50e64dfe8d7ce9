"""What the stages of one job share: the store, the executor, the console; keys; and the memory that engines hold."""

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
    """What the stages of one job share: the store's root, the executor, console; and what each stage made and took.

    ``seconds``, and ``peaks`` in bytes of main memory, go by the names of results. ``told`` is what has been said once
    and is not to be said again.
    """

    root: Path
    executor: Executor
    console: Console
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def _tell_other_version(self, stage: Stage) -> None:
        """Say once that results of another version of ConSelf are there and of no use."""
        if "version" not in self.told and (other := other_version(self.root, stage)) is not None:
            self.told.add("version")
            say(
                self.console,
                f"{self.root} has results of another version of ConSelf ({stage.name}: {other}, now {stage.version}): "
                "they are not used, and made again; artifacts=FOLDER takes another store",
            )

    @property
    def executed(self) -> Path:
        """Where shards of executions go by what they run: :class:`conself.pipelines.executed.Executed`."""
        return self.root / "executed"

    def anew(self) -> Self:
        """The same for another round: nothing made or taken yet."""
        return replace(self, seconds={}, peaks={}, artifacts={})

    def build(
        self,
        stage: Stage,
        name: str,
        config: Mapping[str, Json],
        inputs: Mapping[str, Artifact],
        make: Callable[[Path], Mapping[str, Plain]],
    ) -> Artifact:
        """``artifacts.build`` with a line on the console; ``name`` is what the job calls the result."""
        start = time.perf_counter()

        def shown(folder: Path) -> Mapping[str, Plain]:
            self._tell_other_version(stage)
            with working(self.console, name), peak_memory() as peak:
                summary = make(folder)
            self.peaks[name] = max(self.peaks.get(name, 0), peak.bytes)
            return summary

        artifact = build(self.root, stage, config, inputs, shown)
        known = artifact.key in {a.key for a in self.artifacts.values()}
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.artifacts[name] = artifact
        if not known:
            how = "reused" if artifact.reused else "done"
            say(self.console, f"{name:<30} {how:<7}{self.seconds[name]:8.1f} s  {artifact.key[:12]}", style="dim")
        return artifact

    def alias(self, name: str, artifact: Artifact) -> Artifact:
        """Give an artifact of this job another name among its results; it takes no time."""
        self.seconds[name] = 0.0
        self.artifacts[name] = artifact
        return artifact


def choose(config: DictConfig, *names: str) -> DictConfig:
    """The named top-level keys of a resolved config, as a config: what a stage depends on."""
    return OmegaConf.masked_copy(config, list(names))


def changed(config: DictConfig, values: Mapping[str, Plain]) -> DictConfig:
    """A config with other values; keys that ``values`` doesn't name stay."""
    merged = OmegaConf.merge(config, values)
    if not isinstance(merged, DictConfig):
        raise TypeError(f"expected a mapping as config, got {type(merged).__name__}")
    return merged


def tell(context: Context, what: str, dropped: Mapping[str, int]) -> None:
    """Print what was loaded, and how much was left out for which reason."""
    say(context.console, what)
    for reason, n in sorted(dropped.items(), key=lambda item: -item[1]):
        say(context.console, f"- {n} left out: {reason}")


def gpu_is_there() -> bool:
    """Whether torch sees a GPU, which parts on ``device: auto`` take."""
    import torch

    return torch.cuda.is_available()


def free_accelerator(context: Context) -> None:
    """End workers and engines where they hold GPU memory that is needed now; on a CPU warm workers cost nothing."""
    if gpu_is_there():
        free_memory(context)


def free_memory(context: Context) -> None:
    """End workers and engines, which may each hold a model, before something else needs the room."""
    context.executor.release()
    give_back()


def give_back() -> None:
    """Let go of the memory that a training in this process has left: an engine wants nearly all of a GPU's."""
    gc.collect()  # model, trainer and optimiser refer to one another
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()  # does nothing where CUDA was not in use
    return_freed()
