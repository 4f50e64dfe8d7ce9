"""Checkpoints of a training: what trains, its optimiser's moments and how far it is, so that a killed run goes on.

Every loop of training keeps them in the same way, with Lightning or without. Lightning's ModelCheckpoint takes along
the frozen base model, holds the file in memory twice, and goes through a temporary file that a kill leaves behind. No
random state is kept: order and steps follow from the seed, and there is no dropout.
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
    """A checkpoint on disk: the rows of ``curve`` are the steps taken; tokens and seconds are those up to there."""

    path: Path
    curve: tuple[dict[str, float], ...]
    n_tokens: int
    seconds: float


class Checkpoints:
    """Keeps a training's newest checkpoint in ``folder``, and goes on from one that an earlier run left there.

    One is due after a step when writing the last has taken no more than ``share`` of the time since; None: never.
    ``key`` is what :func:`newest` compares; ``started`` is the time.perf_counter() of this run's start. A file holds
    whole tensors, however many devices share them: any number can go on from it.
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
        """The rows of the steps that earlier runs have taken, and this one does not repeat."""
        return list(self.start.curve) if self.start else []

    @property
    def n_tokens(self) -> int:
        """The response tokens of those steps."""
        return self.start.n_tokens if self.start else 0

    @property
    def seconds(self) -> float:
        """Time taken so far: this run's, and up to their checkpoints that of the runs it goes on from."""
        return time.perf_counter() - self.started

    def resume(self, learner: Learner, total: str) -> None:
        """Put weights and the optimiser's moments back, if an earlier run has left them; ``total`` steps are to come.

        It comes after everything that wants the weights as they were before the first step, as reference.
        """
        if self.start is not None:
            log.info("training goes on after step %d of %s", len(self.start.curve), total)
            learner.load_state(self.start.path)

    def after_step(self, learner: Learner, curve: Sequence[Mapping[str, float]], n_tokens: int) -> None:
        """Write a checkpoint when one is due; not after the last step, where none is of use."""
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
    """SHA-256 (hex) of what decides a training's every step; ``model`` is the fingerprint of the base model.

    ``shapes`` are those of what trains, by name; a loop that does not know its ``examples`` beforehand gives none.
    ``settings.runtime`` stays out of it, as it does out of artifact keys.
    """
    chosen = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name != "runtime"}
    digest = hashlib.sha256(repr((model, dict(shapes), chosen, loss, seed)).encode())
    for example in examples:
        digest.update(repr(example).encode())
    return digest.hexdigest()


def newest(folder: Path, key: str) -> Checkpoint | None:
    """The newest whole checkpoint in ``folder`` of the training with this ``key``; None: there is none.

    What cannot be used is told in a line each, and left to be replaced by the next checkpoint.
    """
    for path in reversed(_files(folder)):
        try:
            return _read(path, key)
        except (SafetensorError, ValueError, KeyError, OSError) as error:
            log.warning("checkpoint %s is of no use, training starts before it: %s", path, error)
    return None


@torch.no_grad()
def state(module: torch.nn.Module, optimizer: torch.optim.Optimizer, keep: bool) -> dict[str, Tensor]:
    """Everything that trains, on the CPU: ``weights/NAME``, and per moment of the optimiser ``MOMENT/NAME``.

    Sharded tensors are put together one by one, for which every process has to call this; those without ``keep`` get
    nothing, or each would need memory for everything.
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
    """Undo :func:`state`: values go where the module's parameters are, sharded as these are. Gives the file's facts."""
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
    """The parameters that require gradients, by name."""
    return {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}


def write(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> None:
    """A file of ``tensors`` with ``facts`` and a checksum in its header, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    metadata = {**facts, "crc32": str(_checksum(tensors))}
    with disk_errors(path):
        write_whole(path, lambda temporary: save_file(dict(tensors), temporary, metadata))


def _placed(value: Tensor, parameter: Tensor) -> Tensor:
    """``value`` on the device of ``parameter``, and split over processes as it is; an optimiser's counts stay whole."""
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
            raise ValueError("it belongs to a training with other settings, pairs or model")
        if _checksum({name: file.get_tensor(name) for name in file.keys()}) != int(metadata["crc32"]):  # noqa: SIM118
            raise ValueError("its content has changed since it was written")
    facts = json.loads(metadata["facts"])
    return Checkpoint(path, tuple(facts["curve"]), facts["n_tokens"], facts["seconds"])


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 of all bytes, by name: a disk's errors are found, which the file format leaves unseen."""
    value = 0
    for name in sorted(tensors):
        value = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, value)
    return value
