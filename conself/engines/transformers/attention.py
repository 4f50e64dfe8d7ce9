"""Attention to a KV cache, read in place; on a CPU a token's bits depend on its own past alone.

There the kernel sums all slots that the longest row has, in pieces whose sizes follow from their number: beside a
longer row, a row would be rounded in another way. So the kernel reads the slots in blocks of a fixed size, and the
blocks of a token are added up in their order, weighted by their sums of exponentials (Milakov and Gimelshein 2018,
"Online normalizer calculation for softmax"; section 3.1 of Dao et al. 2022, FlashAttention).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

BLOCK = 128
"""Slots of a block. Within it, masked slots at its end change no bit, so that the last may be shorter, by whole SPANs;
in blocks of 256 they do."""
_QUERIES = 8
"""Of so many queries, or a multiple, the buffers of every thread of the kernel are aligned alike. Otherwise products of
1 or 3 queries are summed in an order that depends on the thread; and 7 take longer than 8."""

_GROUPED = "conself_grouped_sdpa"


def visible(positions: Tensor, span: int, dtype: torch.dtype) -> Tensor:
    """Build the additive mask [N, 1, T, span]: token t of row n sees slots 0 .. positions[n, t]."""
    hidden = torch.arange(span, device=positions.device) > positions[:, None, :, None]
    return torch.zeros(hidden.shape, dtype=dtype, device=positions.device).masked_fill_(hidden, float("-inf"))


def _block_sdpa(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None) -> Tensor:
    """Attend to slots block by block on a CPU: query [N, H, T, D], key and value [N, H, S, D] -> [N, H, T, D].

    ``mask`` is additive, [N, 1, T or 1, S], and lets every token see slot 0; without one, token t sees slots 0 .. t.
    """
    count = query.shape[2]
    if mask is not None and mask.shape[2] == 1:  # the heads of a group
        query = F.pad(query, (0, 0, 0, -count % _QUERIES))
    total, logsums = torch.empty(0), torch.empty(0)
    for start in range(0, key.shape[2], BLOCK):
        slots = slice(start, start + BLOCK)
        seen = _causal(query, start, BLOCK) if mask is None else mask[..., slots]
        first = start if mask is None else 0  # earlier tokens see nothing of this block
        block, logsum = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query[:, :, first:], key[:, :, slots], value[:, :, slots], attn_mask=seen, scale=scaling
        )
        block = block.to(logsum.dtype)
        if start == 0:
            total, logsums = block, logsum
            continue
        logsum = logsum.masked_fill(seen.amax(-1) == float("-inf"), float("-inf"))  # the kernel gives those 0
        _add(total[:, :, first:], logsums[..., first:], block, logsum)
    return total[:, :, :count].to(query.dtype)


def _add(total: Tensor, logsums: Tensor, block: Tensor, logsum: Tensor) -> None:
    """Add the attention [..., D] to a block, with its log of summed exponentials [...], to that of the blocks before.

    By functions only that give an element the same bits wherever it stands in a tensor: sigmoid and logaddexp round the
    last elements, which fill no vector, in another way.
    """
    gap = logsum - logsums
    less = torch.exp(-gap.abs())
    share = torch.where(gap > 0, 1, less) / (1 + less)
    total.lerp_(block, share[..., None])
    torch.maximum(logsums, logsum, out=logsums)
    logsums.add_(torch.log1p(less))


def _sdpa(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling)


def _causal(query: Tensor, start: int, width: int) -> Tensor:
    """Build the mask [T - start, width] of tokens ``start`` and after for slots ``start`` and after."""
    length = query.shape[2] - start
    hidden = torch.full((length, min(width, length)), float("-inf"), dtype=query.dtype)
    return hidden.triu_(1)


def grouped_sdpa(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Compute SDPA, reading grouped KV heads in place for a single query token, and in blocks on a CPU.

    transformers repeats keys and values for every query head of a group, which copies the whole cache at each decoded
    token. The heads of a group are queries of one KV head: [N, H, 1, D] is [N, KV heads, H / KV heads, D].
    """
    rows, heads, length, size = query.shape
    plain = value.shape[-1] == size and kwargs.get("position_bias") is None
    on_cpu = query.device.type == "cpu"
    if plain and length == 1 and attention_mask is not None:
        query = query.reshape(rows, key.shape[1], -1, size)
    elif plain and on_cpu and (attention_mask is None or attention_mask.is_floating_point()):
        key, value = (repeat_kv(states, heads // key.shape[1]) for states in (key, value))
    else:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    attend = _block_sdpa if on_cpu else _sdpa
    output = attend(query, key, value, attention_mask, scaling)
    # Of one token, or else of heads of their own: its queries are heads.
    output = output.reshape(rows, 1, heads, size) if length == 1 else output.transpose(1, 2).contiguous()
    return output, None


# transformers' own extension point; the name is ours alone.
AttentionInterface.register(_GROUPED, grouped_sdpa)
AttentionMaskInterface.register(_GROUPED, sdpa_mask)


@contextmanager
def grouped_attention(model: PreTrainedModel) -> Iterator[None]:
    """Let a model with SDPA attention use :func:`grouped_sdpa` inside the block; other attention is unchanged."""
    chosen = model.config._attn_implementation
    if chosen != "sdpa":
        yield
        return
    model.set_attn_implementation(_GROUPED)
    try:
        yield
    finally:
        model.set_attn_implementation(chosen)
