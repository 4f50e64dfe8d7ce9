"""Gradient checkpointing: less memory for activations, by computing layers twice."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

Inputs = TypeVarTuple("Inputs")
Output = TypeVar("Output")


def checkpoint_layers(model: PreTrainedModel, share: float) -> None:
    """Let a share (0 to 1) of the decoder layers, the first ones, keep only their input and recompute the rest.

    The last layer is exempt: the backward pass begins with it and would need its activations at once. transformers
    recomputes only in training mode. That mode is set on the layers, which leave it while they compute: dropout stays
    off, in their submodules and in their own code, so that values and gradients are unchanged.

    Raises:
        ValueError: the model's layers do not support it.
    """
    if share == 0:
        return
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    if not layers:
        raise ValueError(
            f"{type(model).__name__} cannot recompute its layers; set training.runtime.gradient_checkpointing=0"
        )
    model.gradient_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": False})
    for layer in layers[: min(round(share * len(layers)), len(layers) - 1)]:
        layer.training = True
        again: Any = layer._gradient_checkpointing_func
        setattr(layer, "_gradient_checkpointing_func", partial(_in_eval_mode, layer, again))  # noqa: B010  # not typed


def _in_eval_mode(
    layer: nn.Module, checkpoint: Callable[..., Output], compute: Callable[[*Inputs], Output], *inputs: *Inputs
) -> Output:
    """Run ``checkpoint(compute, *inputs)`` with ``layer`` out of training mode whenever it computes."""

    def computed(*arguments: *Inputs) -> Output:
        layer.training = False
        try:
            return compute(*arguments)
        finally:
            layer.training = True

    return checkpoint(computed, *inputs)
