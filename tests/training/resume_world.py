"""What test_resume.py runs in processes of its own."""

from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from training_world import lora_policy, settings, tiny_qwen, toy_pairs

from conself.losses.con_dpo import ConDPO
from conself.records import ModelRef
from conself.training.checkpoints import restore, state
from conself.training.fit import FitReport, fit


def long_training(model: ModelRef, out: Path) -> FitReport:
    """120 steps, with a checkpoint after each: long enough to be killed more than once."""
    chosen = settings(epochs=40, batch_size=3)
    return fit(toy_pairs(), model, chosen, ConDPO(beta=0.5), 0, out, out / "reference", None)


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
