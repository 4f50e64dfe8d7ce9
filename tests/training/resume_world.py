"""Trainings that are stopped, and what the tests of checkpoints run in processes of their own."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from lightning.pytorch.loggers import Logger
from safetensors.torch import save_file
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from conself.losses.con_dpo import ConDPO
from conself.records import ModelRef
from conself.training.checkpoints import restore, state
from conself.training.fit import FitReport, fit
from conself.training.settings import Training
from tests.training.training_world import lora_policy, settings, tiny_qwen, toy_pairs

LOSS = ConDPO(beta=0.5)
THREE_EPOCHS = settings(epochs=3, batch_size=3)  # 8 pairs: steps of 3, 3 and 2 pairs, three times


class StoppedError(Exception):
    """What :class:`Stop` raises."""


class Stop(Logger):
    """Stops the training when step ``step`` (from 0) is logged, after its checkpoint was written."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    @property
    def name(self) -> str:
        return "stop"

    @property
    def version(self) -> str:
        return "0"

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to keep."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if step == self.step and "train/loss" in metrics:
            raise StoppedError


def without_seconds(report: FitReport) -> dict[str, Any]:
    return {name: value for name, value in asdict(report).items() if name != "seconds"}


def adapter(out: Path) -> bytes:
    return (out / "adapter" / "adapter_model.safetensors").read_bytes()


def train(model: ModelRef, out: Path, chosen: Training | None = None, logger: Logger | None = None) -> FitReport:
    """One training with the same reference, which the test's folder keeps."""
    return fit(toy_pairs(), model, chosen or THREE_EPOCHS, LOSS, 0, out, out.parent / "reference", logger)


def stopped_at(step: int, model: ModelRef, out: Path, chosen: Training = THREE_EPOCHS) -> Path:
    """The checkpoint that a training leaves which is stopped at a step."""
    with pytest.raises(StoppedError):
        train(model, out, chosen, Stop(step))
    assert [path.name for path in out.iterdir()] == ["checkpoints"]
    return max((out / "checkpoints").glob("step-*"))


def long_training(model: ModelRef, out: Path) -> FitReport:
    """120 steps, with a checkpoint after each: long enough to be killed more than once."""
    chosen = settings(epochs=40, batch_size=3)
    return fit(toy_pairs(), model, chosen, LOSS, 0, out, out / "reference", None)


def policy() -> torch.nn.Module:
    return lora_policy(tiny_qwen()).model


def adamw(model: torch.nn.Module) -> torch.optim.AdamW:
    return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1, fused=True)


def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer, number: int) -> None:
    """One step along gradients that depend on its number alone."""
    generator = torch.Generator().manual_seed(number)
    for parameter in model.parameters():
        if parameter.requires_grad:
            gradient = torch.randn(parameter.shape, generator=generator)
            if isinstance(parameter, DTensor):
                gradient = distribute_tensor(gradient, parameter.device_mesh, parameter.placements)
            parameter.grad = gradient
    optimizer.step()


def two_shards(rank: int, folder: Path) -> None:
    """Goes on from ``folder``/one (after step 0), takes step 1, and writes ``folder``/two."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    model = policy()
    fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    optimizer = adamw(model)
    restore(folder / "one", model, optimizer)
    step(model, optimizer, 1)
    tensors = state(model, optimizer, keep=rank == 0)
    if rank == 0:
        save_file(tensors, folder / "two")
    assert bool(tensors) == (rank == 0)
    dist.destroy_process_group()
