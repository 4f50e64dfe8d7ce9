"""Training on several devices: what each holds, and how their shares of a global batch make one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from conself.models.transformers import device_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from conself.records import ModelRef
    from conself.training.scorer.log_probs import Scorer


class Sharing(Protocol):
    """Shares the work on a model among processes. ``takes_quantized``: whether the model may be in 8 or 4 bits."""

    takes_quantized: ClassVar[bool]

    def spread(self, scorer: Scorer, device: torch.device) -> None:
        """Keep this process's part of the model, before ``scorer`` computes anything."""
        ...

    def settle(self, scorer: Scorer) -> None:
        """Restore the trainable parameters after passes without gradients."""
        ...

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Sum each gradient over all processes."""
        ...

    def weights(self, model: nn.Module) -> Mapping[str, Tensor] | None:
        """Return the trained weights by name, gathered on the CPU of the first process; None: ``model`` has them."""
        ...


@dataclass(frozen=True, slots=True)
class OneDevice:
    """Nothing to share."""

    takes_quantized: ClassVar[bool] = True

    def spread(self, scorer: Scorer, device: torch.device) -> None:
        """Do nothing."""

    def settle(self, scorer: Scorer) -> None:
        """Do nothing."""

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Do nothing."""

    def weights(self, model: nn.Module) -> None:
        """Return None: the model has them."""


@dataclass(frozen=True, slots=True)
class DDP:
    """Every device holds the whole model. Gradients are added up once per step, after the last micro-batch."""

    takes_quantized: ClassVar[bool] = True

    def spread(self, scorer: Scorer, device: torch.device) -> None:
        """Do nothing: every process has the same weights, loaded or drawn from the seed."""

    def settle(self, scorer: Scorer) -> None:
        """Do nothing."""

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Sum the gradients; a parameter that no process used keeps no gradient, as on one device."""
        import torch
        import torch.distributed as dist

        used = torch.tensor([p.grad is not None for p in parameters], dtype=torch.uint8, device=parameters[0].device)
        dist.all_reduce(used, dist.ReduceOp.MAX)
        pending = []
        for parameter, wanted in zip(parameters, used.tolist(), strict=True):
            if wanted:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                pending.append(dist.all_reduce(parameter.grad, async_op=True))
        for work in pending:
            work.wait()

    def weights(self, model: nn.Module) -> None:
        """Return None: the model has them."""


@dataclass(frozen=True, slots=True)
class FSDP:
    """Each device holds a slice of every weight, its gradient and its moments (FSDP2, arXiv 2304.11277).

    A decoder layer is gathered just before it computes, embeddings and head for the whole micro-batch. Gradients are
    reduced slice by slice in each backward pass, so all processes must run equally many passes.
    """

    takes_quantized: ClassVar[bool] = False

    def spread(self, scorer: Scorer, device: torch.device) -> None:
        """Shard the decoder's layers one by one, and the rest of the model together."""
        import torch.distributed as dist
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard
        from transformers.modeling_layers import GradientCheckpointingLayer

        mesh = init_device_mesh(device.type, (dist.get_world_size(),))
        layers = [module for module in scorer.model.modules() if isinstance(module, GradientCheckpointingLayer)]
        for part in [*layers, scorer]:
            shards = fully_shard(part, mesh=mesh)
            shards.set_gradient_divide_factor(1.0)  # a sum, and the loss is divided by the global batch already
            shards.set_force_sum_reduction_for_comms(True)  # gloo has no sum of scaled values
            shards.set_reduce_scatter_unused_params(True)  # experts that one process has used and another has not

    def settle(self, scorer: Scorer) -> None:
        """Free embeddings and head, which stay gathered for a backward pass."""
        from torch.distributed.fsdp import FSDPModule

        if isinstance(scorer, FSDPModule):
            scorer.reshard()

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Do nothing: the backward passes have summed them."""

    def weights(self, model: nn.Module) -> Mapping[str, Tensor]:
        """Gather the weights; empty in all processes except the first."""
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
        whole = cast("Mapping[str, Tensor]", get_model_state_dict(model, options=options))
        first_names = {name for name, _ in [*model.named_parameters(), *model.named_buffers()]}  # of tied weights
        return {name: value for name, value in whole.items() if name in first_names}


def check_devices(device: str, count: int, nodes: int, sharing: Sharing, model: ModelRef) -> None:
    """Check the devices of this node and the sharing before anything is started; ``count`` devices on each node.

    Raises:
        ValueError: the device does not exist, there are fewer than ``count``, or ``sharing`` does not support
            ``model``.
    """
    if count * nodes == 1 and device in ("auto", "cpu"):
        return  # there is one always; and nobody waits for torch
    import torch

    place = device_of(device)
    if place.index is not None and count * nodes > 1:
        several = f"training.runtime.devices is {count}" if count > 1 else f"training.runtime.nodes is {nodes}"
        raise ValueError(
            f"training.runtime.device={device} is one device, and {several}; "
            f"set training.runtime.device={place.type}, or {several.split()[0]}=1"
        )
    n_gpus = torch.cuda.device_count()
    if place.type == "cuda" and (place.index or 0) >= n_gpus:
        raise ValueError(
            f"training.runtime.device is {device}, and this machine has {n_gpus} GPU; set training.runtime.device=auto"
        )
    if place.type == "cuda" and n_gpus < count:
        raise ValueError(
            f"training.runtime.devices is {count}, and this machine has {n_gpus} GPU; "
            "set training.runtime.devices to that, or training.runtime.device=cpu"
        )
    if count * nodes > 1 and model.quantization is not None and not sharing.takes_quantized:
        raise ValueError(
            f"{type(sharing).__name__} cannot slice weights in {model.quantization}; "
            "set training/strategy=ddp, or model.quantization=null"
        )
