"""Less memory for activations, by computing layers twice."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

Inputs = TypeVarTuple("Inputs")
Output = TypeVar("Output")


def checkpoint_layers(model: PreTrainedModel, share: float) -> None:
    """Let a share (0 to 1) of the decoder layers, the first ones, keep their input only, and compute the rest again.

    The last layer never does: the way back begins with it, and what it gave up it would want again at once.
    transformers recomputes in training mode alone. That mode is set on the layers themselves, which leave it while they
    compute: dropout stays off, in what is inside them and in what some do themselves, so that values and gradients are
    those without.

    Raises:
        ValueError: the model's layers cannot do it.
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
    """``checkpoint(compute, *inputs)``, where ``layer`` leaves training mode each time that it computes."""

    def computed(*given: *Inputs) -> Output:
        layer.training = False
        try:
            return compute(*given)
        finally:
            layer.training = True

    return checkpoint(computed, *inputs)
