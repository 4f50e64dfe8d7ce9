"""Several devices that train one model: what each holds, and how their shares of a global batch become one step."""

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
    """How processes share the work on a model. ``takes_quantized``: whether the model may be in 8 or 4 bits."""

    takes_quantized: ClassVar[bool]

    def spread(self, scorer: Scorer, device: torch.device) -> None:
        """Leave of the model what this process is to hold, before anything is computed by ``scorer``."""
        ...

    def settle(self, scorer: Scorer) -> None:
        """After passes without gradients: let the parameters be those to train again."""
        ...

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Make each gradient the sum over all processes."""
        ...

    def weights(self, model: nn.Module) -> Mapping[str, Tensor] | None:
        """What was trained, by name, whole and on the CPU of the first process; None: it stands in ``model``."""
        ...


@dataclass(frozen=True, slots=True)
class OneDevice:
    """Nothing to share."""

    takes_quantized: ClassVar[bool] = True

    def spread(self, scorer: Scorer, device: torch.device) -> None:
        """Nothing to do."""

    def settle(self, scorer: Scorer) -> None:
        """Nothing to do."""

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Nothing to do."""

    def weights(self, model: nn.Module) -> None:
        """They stand in the model."""


@dataclass(frozen=True, slots=True)
class DDP:
    """Every device holds the whole model. Gradients are added up once per step, after the last micro-batch."""

    takes_quantized: ClassVar[bool] = True

    def spread(self, scorer: Scorer, device: torch.device) -> None:
        """Nothing to do: every process has loaded, or drawn from the seed, the same weights."""

    def settle(self, scorer: Scorer) -> None:
        """Nothing to do."""

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Add them up; a parameter that no process has used keeps no gradient, as on one device."""
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
        """They stand in the model."""


@dataclass(frozen=True, slots=True)
class FSDP:
    """Each device holds a slice of every weight, its gradient and its moments (FSDP2, arXiv 2304.11277).

    A decoder layer is put together when it is its turn, embeddings and head for the whole micro-batch. Gradients are
    added up slice by slice in each backward pass, so that all processes must go forward and backward equally often.
    """

    takes_quantized: ClassVar[bool] = False

    def spread(self, scorer: Scorer, device: torch.device) -> None:
        """Slice the decoder's layers one by one, and what is left of the model together."""
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
        """Free embeddings and head, which stay in one piece for a backward pass."""
        from torch.distributed.fsdp import FSDPModule

        if isinstance(scorer, FSDPModule):
            scorer.reshard()

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Nothing to do: the backward passes have."""

    def weights(self, model: nn.Module) -> Mapping[str, Tensor]:
        """Put them together; empty in all processes but the first."""
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
        whole = cast("Mapping[str, Tensor]", get_model_state_dict(model, options=options))
        first_names = {name for name, _ in [*model.named_parameters(), *model.named_buffers()]}  # of tied weights
        return {name: value for name, value in whole.items() if name in first_names}


def check_devices(device: str, count: int, sharing: Sharing, model: ModelRef) -> None:
    """Refuse what cannot be shared, before anything is started.

    Raises:
        ValueError: there is no such device, or there are not ``count``, or ``sharing`` cannot take ``model``.
    """
    if count == 1 and device in ("auto", "cpu"):
        return  # there is one always; and nobody waits for torch
    import torch

    place = device_of(device)
    if place.index is not None and count > 1:
        raise ValueError(
            f"training.runtime.device={device} is one device, and training.runtime.devices is {count}; "
            f"set training.runtime.device={place.type}, or training.runtime.devices=1"
        )
    there = torch.cuda.device_count()
    if place.type == "cuda" and (place.index or 0) >= there:
        raise ValueError(
            f"training.runtime.device is {device}, and this machine has {there} GPU; set training.runtime.device=auto"
        )
    if place.type == "cuda" and there < count:
        raise ValueError(
            f"training.runtime.devices is {count}, and this machine has {there} GPU; "
            "set training.runtime.devices to that, or training.runtime.device=cpu"
        )
    if count > 1 and model.quantization is not None and not sharing.takes_quantized:
        raise ValueError(
            f"{type(sharing).__name__} cannot slice weights in {model.quantization}; "
            "set training/strategy=ddp, or model.quantization=null"
        )
