"""Checkpoints of a training run (trained weights, optimiser moments, progress), so that a killed run can resume.

Every training loop uses them, with or without Lightning. Lightning's ModelCheckpoint would include the frozen base
model, hold the file in memory twice, and leave a temporary file behind when killed. No random state is kept: order
and steps follow from the seed, and there is no dropout.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor

from conself.losses.output import Loss
from conself.store.artifacts import write_whole
from conself.training.data import Example
from conself.training.policy.disk import disk_errors
from conself.training.settings import Training

if TYPE_CHECKING:
    from conself.training.learner import Learner

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on disk: ``curve`` has a row per step taken; tokens and seconds are the totals up to there."""

    path: Path
    curve: tuple[dict[str, float], ...]
    n_tokens: int
    seconds: float


class Checkpoints:
    """Keeps the newest checkpoint of a training run in ``folder``, and resumes from one that an earlier run left.

    A checkpoint is written after a step if writing the last one took at most ``share`` of the time since; None: never.
    ``key`` is compared by :func:`newest`; ``started`` is the time.perf_counter() of this run's start. A file holds
    whole tensors, however many devices share them, so that any number of devices can resume from it.
    """

    def __init__(self, folder: Path, key: str, share: float | None, started: float) -> None:
        self.folder = folder
        self.key = key
        self.share = share
        self.start = newest(folder, key)
        self.started = started - (self.start.seconds if self.start else 0.0)
        self.due = started

    @property
    def curve(self) -> list[dict[str, float]]:
        """The rows of the steps that earlier runs took and this one does not repeat."""
        return list(self.start.curve) if self.start else []

    @property
    def n_tokens(self) -> int:
        """The number of response tokens of those steps."""
        return self.start.n_tokens if self.start else 0

    @property
    def seconds(self) -> float:
        """Seconds so far: of this run, and of the runs it resumes, up to their checkpoints."""
        return time.perf_counter() - self.started

    def resume(self, learner: Learner, total: str) -> None:
        """Restore weights and optimiser moments if an earlier run left them; the run has ``total`` steps.

        Call it after everything that needs the original weights as reference.
        """
        if self.start is not None:
            log.info("training goes on after step %d of %s", len(self.start.curve), total)
            learner.load_state(self.start.path)

    def after_step(self, learner: Learner, curve: Sequence[Mapping[str, float]], n_tokens: int) -> None:
        """Write a checkpoint if one is due; never after the last step, when none is needed."""
        began = time.perf_counter()
        if self.share is None or began < self.due:
            return
        facts = {"curve": curve, "n_tokens": n_tokens, "seconds": self.seconds}
        path = self.folder / f"step-{len(curve):08d}.safetensors"
        others = [file for file in _files(self.folder) if file != path]
        self.folder.mkdir(parents=True, exist_ok=True)
        learner.save_state(path, {"training": self.key, "facts": json.dumps(facts)})
        for file in others:
            file.unlink()
        now = time.perf_counter()
        self.due = now + (now - began) * (1 / self.share - 1)


def training_key(
    model: str,
    shapes: Mapping[str, tuple[int, ...]],
    examples: Sequence[Example],
    settings: Training,
    loss: Loss,
    seed: int,
) -> str:
    """Hash everything that determines the steps of a training run: SHA-256 (hex). ``model``: the base's fingerprint.

    ``shapes`` are those of the trained parameters, by name; a loop that does not know its ``examples`` beforehand
    passes none. ``settings.runtime`` is left out, as in artifact keys.
    """
    chosen = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name != "runtime"}
    digest = hashlib.sha256(repr((model, dict(shapes), chosen, loss, seed)).encode())
    for example in examples:
        digest.update(repr(example).encode())
    return digest.hexdigest()


def newest(folder: Path, key: str) -> Checkpoint | None:
    """Return the newest complete checkpoint in ``folder`` with this ``key``; None if there is none.

    Unusable files are reported in a line each, and left to be replaced by the next checkpoint.
    """
    for path in reversed(_files(folder)):
        try:
            return _read(path, key)
        except (SafetensorError, ValueError, KeyError, OSError) as error:
            log.warning("checkpoint %s cannot be used, training starts before it: %s", path, error)
    return None


@torch.no_grad()
def state(module: torch.nn.Module, optimizer: torch.optim.Optimizer, keep: bool) -> dict[str, Tensor]:
    """Gather trained weights on the CPU as ``weights/NAME``, and each optimiser moment as ``MOMENT/NAME``.

    Sharded tensors are gathered one by one, so every process must call this; processes without ``keep`` get nothing, or
    each would need memory for everything.
    """
    tensors = {}
    for name, parameter in trainable(module).items():
        for what, value in {"weights": parameter, **optimizer.state[parameter]}.items():
            whole = value.full_tensor() if isinstance(value, DTensor) else value
            if keep:
                tensors[f"{what}/{name}"] = whole.detach().to("cpu").contiguous()
    return tensors


@torch.no_grad()
def restore(path: Path, module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, str]:
    """Undo :func:`state`, with values placed and sharded as the module's parameters are; return the file's facts."""
    parameters = trainable(module)
    with safe_open(path, framework="pt") as file:
        for key in file.keys():  # noqa: SIM118  # not a mapping
            what, name = key.split("/", 1)
            value = _placed(file.get_tensor(key), parameters[name])
            if what == "weights":
                parameters[name].copy_(value)
            else:
                optimizer.state[parameters[name]][what] = value
        return dict(file.metadata() or {})


def trainable(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Return the parameters that require gradients, by name."""
    return {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}


def write(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> None:
    """Write a file of ``tensors`` with ``facts`` and a checksum in its header, atomically.

    Raises:
        OSError: it cannot be written.
    """
    metadata = {**facts, "crc32": str(_checksum(tensors))}
    with disk_errors(path):
        write_whole(path, lambda temporary: save_file(dict(tensors), temporary, metadata))


def _placed(value: Tensor, parameter: Tensor) -> Tensor:
    """Place ``value`` on the device of ``parameter`` and shard it likewise; an optimiser's counts are not sharded."""
    value = value.to(parameter.device, copy=True)  # off the file, which it may be a view of
    if isinstance(parameter, DTensor) and value.shape == parameter.shape:
        return distribute_tensor(value, parameter.device_mesh, parameter.placements)
    return value


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.safetensors"))


def _read(path: Path, key: str) -> Checkpoint:
    with safe_open(path, framework="pt") as file:
        metadata: Mapping[str, str] = file.metadata() or {}
        if metadata.get("training") != key:
            raise ValueError("it belongs to a training run with other settings, pairs or model")
        if _checksum({name: file.get_tensor(name) for name in file.keys()}) != int(metadata["crc32"]):  # noqa: SIM118
            raise ValueError("its content has changed since it was written")
    facts = json.loads(metadata["facts"])
    return Checkpoint(path, tuple(facts["curve"]), facts["n_tokens"], facts["seconds"])


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    """Compute the CRC-32 of all bytes, by name, to detect disk errors, which the file format does not."""
    value = 0
    for name in sorted(tensors):
        value = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, value)
    return value
