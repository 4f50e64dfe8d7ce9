"""What the stages of one job share: the store, the workers, the console; keys; and the memory that engines hold."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from conself.artifacts import Artifact, build
from conself.models import fingerprint
from conself.records import ModelRef
from conself.workers import Workers


@dataclass(frozen=True)
class Context:
    """What the stages of one job share: the store's root, workers, console; and what each stage made and took."""

    root: Path
    workers: Workers
    console: Console
    seconds: dict[str, float] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)

    def anew(self) -> Self:
        """The same for another round: nothing made or taken yet."""
        return replace(self, seconds={}, artifacts={})

    def build(
        self,
        name: str,
        config: Mapping[str, Any],
        inputs: Mapping[str, Artifact],
        make: Callable[[Path], dict[str, Any]],
    ) -> Artifact:
        """``artifacts.build`` with a line on the console; ``name`` is ``stage[/part]`` or ``matched/stage``."""
        stage, start = name.removeprefix("matched/").split("/")[0], time.perf_counter()
        artifact = build(self.root, stage, VERSIONS[stage], config, inputs, make)
        known = artifact.key in {a.key for a in self.artifacts.values()}  # the driving metric is reported as well
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.artifacts[name] = artifact
        if not known:
            how = "reused" if artifact.reused else "done"
            self.console.print(f"[dim]{name:<30} {how:<7}{self.seconds[name]:8.1f} s  {artifact.key[:12]}[/dim]")
        return artifact


VERSIONS = {
    "problems": 1,
    "decontaminate": 1,
    "sample": 2,
    "execute": 2,
    "agree": 1,
    "verify": 1,
    "score": 2,
    "select": 2,
    "pair": 2,
}
VERSIONS |= {"fit": 2, "merge": 1, "evaluate": 6, "vote": 1}
"""Part of every key: raise a stage's number when its code gives other results for the same config."""


_MODEL_REF = f"{ModelRef.__module__}.{ModelRef.__qualname__}"


def plain(node: Any) -> Any:
    """A config node as plain data for a key; a ModelRef in it stands as its content's fingerprint."""
    return _identified(OmegaConf.to_container(node, resolve=True))


def _identified(node: Any) -> Any:
    if isinstance(node, dict):
        if node.get("_target_") == _MODEL_REF:
            return fingerprint(*models_in(node))
        return {k: _identified(v) for k, v in node.items()}
    return [_identified(v) for v in node] if isinstance(node, list) else node


def names_model(node: Any) -> bool:
    """Whether a part of the config loads a model."""
    return bool(models_in(OmegaConf.to_container(node, resolve=True)))


def models_in(node: Any) -> list[ModelRef]:
    """The models that parts of a plain config name, at any depth."""
    if isinstance(node, list):
        return [model for value in node for model in models_in(value)]
    if not isinstance(node, dict):
        return []
    if node.get("_target_") == _MODEL_REF:
        return [ModelRef(**{key: value for key, value in node.items() if key != "_target_"})]
    return models_in(list(node.values()))


def choose(config: DictConfig, *names: str) -> DictConfig:
    """The named top-level keys of a resolved config, as a config: what a stage depends on."""
    return OmegaConf.masked_copy(config, list(names))


def changed(config: DictConfig, values: Mapping[str, Any]) -> DictConfig:
    """A config with other values; keys that ``values`` doesn't name stay."""
    merged = OmegaConf.merge(config, values)
    if not isinstance(merged, DictConfig):
        raise TypeError(f"expected a mapping as config, got {type(merged).__name__}")
    return merged


def tell(context: Context, what: str, dropped: Mapping[str, int]) -> None:
    """Print what was loaded, and how much was left out for which reason."""
    context.console.print(what, highlight=False)
    for reason, n in sorted(dropped.items(), key=lambda item: -item[1]):
        context.console.print(f"- {n} left out: {reason}", highlight=False)


def free_accelerator(context: Context) -> None:
    """End workers and engines where they hold GPU memory that is needed now; on a CPU warm workers cost nothing."""
    if torch.cuda.is_available():
        context.workers.release()
        give_back()


def give_back() -> None:
    """Let go of the GPU memory that a training in this process has left: an engine wants nearly all of it."""
    gc.collect()  # model, trainer and optimiser refer to one another
    torch.cuda.empty_cache()  # does nothing where CUDA was not in use
