"""Less memory for activations, by computing layers, or the cheap part of them, twice."""

import functools
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

_aten = torch.ops.aten
_PRODUCTS = frozenset({_aten.mm.default, _aten.addmm.default})
_ATTENTION = frozenset(
    {
        _aten._scaled_dot_product_flash_attention_for_cpu.default,
        _aten._scaled_dot_product_flash_attention.default,
        _aten._scaled_dot_product_efficient_attention.default,
        _aten._scaled_dot_product_cudnn_attention.default,
    }
)
_THIN = 128  # a matrix with a side as short as this is cheap to apply again: an adapter's, whose side is its rank


def checkpoint_layers(model: PreTrainedModel) -> None:
    """Let each decoder layer keep its input only, and compute the rest again on the way back.

    Raises:
        ValueError: the model's layers cannot do it.
    """
    _recompute(model)


def keep_products(model: PreTrainedModel) -> None:
    """Let each decoder layer keep its input, its large matrix products and its attention, and compute the rest again.

    What is computed again (norms, activations, sums, the adapter's own thin products) costs next to nothing beside
    them, and is as large.

    Raises:
        ValueError: the model's layers cannot do it.
    """
    _recompute(model, context_fn=functools.partial(create_selective_checkpoint_contexts, _worth_keeping))


def _worth_keeping(context: Any, operator: Any, *arguments: Any, **_: Any) -> CheckpointPolicy:  # noqa: ARG001  # torch's face
    keep = operator in _ATTENTION
    if operator in _PRODUCTS:
        keep = min(arguments[-1].shape) > _THIN
    return CheckpointPolicy.MUST_SAVE if keep else CheckpointPolicy.PREFER_RECOMPUTE


def _recompute(model: PreTrainedModel, **options: Any) -> None:
    """Transformers recomputes in training mode alone. That mode is set on the layers themselves and on nothing inside
    them: dropout stays off, so that values and gradients are those without.
    """
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    if not layers:
        raise ValueError(
            f"{type(model).__name__} cannot recompute its layers; set training.runtime.gradient_checkpointing=false"
        )
    model.gradient_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": False, **options})
    for layer in layers:
        layer.training = True
