"""Pack weights once for the processor's kernels, instead of at every token."""

from functools import partial

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from conself.engines.transformers.rows import SPAN

_CACHED = 100_000_000
"""Bytes of weights: fewer are in the processor's caches when they are laid out, which then costs little."""


def pack(model: PreTrainedModel) -> bool:
    """Pack the weights of a large model's linear layers, irreversibly; return whether it was done.

    Done in float32, and in bfloat16 where the processor's kernels know it.

    Decoding multiplies few rows at a time, and without packing the kernels rearrange all weights each time. It costs
    memory: plain weights may be memory-mapped pages shared by processes, packed ones are private. The plain ones are
    freed, except those that other modules share, so the model can only be used for inference. A row's products are
    still the same in any batch, and equal to the plain layers' up to rounding.
    """
    layers = [module for module in model.modules() if type(module) is nn.Linear]
    known = model.dtype == torch.float32 or (
        model.dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
    plain = model.device.type == "cpu" and torch.backends.mkldnn.enabled and known
    if not plain or sum(layer.weight.nbytes for layer in layers) < _CACHED:
        return False
    owners = [id(weight) for module in model.modules() for weight in module.parameters(recurse=False)]
    for layer in layers:
        weight = layer.weight.detach()
        layer.forward = partial(  # type: ignore[method-assign]  # of this layer alone: a subclass would lose its place
            _multiply, torch.ops.mkldnn._reorder_linear_weight(weight, SPAN), layer.bias
        )
        if owners.count(id(layer.weight)) == 1:
            layer.weight.data = weight.new_empty(0)
    return True


def _multiply(packed: Tensor, bias: Tensor | None, inputs: Tensor) -> Tensor:
    """Multiply [..., in] to [..., out], in the dtype of the weights."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, packed, bias, "none", [], "")
    return product
