"""A KV cache of independent rows, written in place, and the attention that reads it without copies.

Row r holds its sequence in slots 0 .. length-1, so rows of any length share a batch without left padding, a row can
be replaced while others run on, and no row's arithmetic depends on its neighbours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache, DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

# Spans are multiples of this: CPU kernels then sum the same slots in the same vector lanes whatever the span,
# which keeps a row's results equal to the last bit in any batch; GPU kernels want the alignment too.
SPAN = 16
_HEADROOM = 64

_GROUPED = "conself_grouped_sdpa"


def round_up(length: int) -> int:
    """Return the least positive multiple of SPAN that is >= length."""
    return max(-(-length // SPAN), 1) * SPAN


class RowLayer(CacheLayerMixin):
    """One layer's keys and values, [rows, KV heads, capacity, head size], and where the next step writes."""

    is_sliding = False

    def __init__(self, rows: int, prototype: tuple[Tensor, Tensor]) -> None:
        self.keys = self.values = None  # the base class's names; the stores are wider than the part that a step reads
        self.store = [template.new_empty(rows, template.shape[1], 0, template.shape[3]) for template in prototype]
        self.lines = self.positions = torch.empty(0, 0, dtype=torch.int64)
        self.span = 0
        self.is_initialized = True

    def reserve(self, capacity: int) -> None:
        """Grow to at least ``capacity`` slots per row, by more than needed so that copies are rare."""
        held = self.store[0].shape[2]
        if capacity > held:
            wider = round_up(max(capacity + _HEADROOM, held * 3 // 2))
            for index, old in enumerate(self.store):
                new = old.new_empty(old.shape[0], old.shape[1], wider, old.shape[3])
                new[:, :, :held] = old
                new[:, :, held:] = 0  # a masked slot still enters as 0 * value, and must be finite
                self.store[index] = new

    def update(
        self, key_states: Tensor, value_states: Tensor, *_args: object, **_kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Write tokens [rows, KV heads, T, head size] at their positions; return views of the first ``span`` slots."""
        count = key_states.shape[0]
        for store, new in zip(self.store, (key_states, value_states), strict=True):
            store[self.lines, :, self.positions] = new.transpose(1, 2)
        return self.store[0][:count, :, : self.span], self.store[1][:count, :, : self.span]

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Do nothing: the stores are created with the layer."""

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:  # noqa: ARG002  # transformers names it
        """Return (key length, offset) of one step's mask."""
        return self.span, 0

    def get_seq_length(self) -> int:
        """Return the number of slots a step reads."""
        return self.span

    def get_max_length(self) -> int:
        """Return -1: no maximum."""
        return -1


# Keys and values [prompts, KV heads, length, head size] of every layer.
States = list[tuple[Tensor, Tensor]]


def prompt_states(prefill: DynamicCache) -> States:
    """Return keys and values [prompts, KV heads, length, head size] of every layer that a forward pass filled.

    Raises:
        ValueError: a layer holds something other than keys and values.
    """
    states = []
    for layer in prefill.layers:
        if not isinstance(layer, DynamicLayer) or layer.keys is None or layer.values is None:
            raise ValueError(f"the model caches a {type(layer).__name__}; sampling needs plain keys and values")
        states.append((layer.keys, layer.values))
    return states


class RowCache(Cache):
    """The layers of a model over the same rows; made from a first prefill, whose shapes it takes."""

    def __init__(self, rows: int, prefill: States) -> None:
        self.rows = [RowLayer(rows, states) for states in prefill]
        super().__init__(layers=list(self.rows))

    def insert(self, start: int, sources: Tensor, prefill: States) -> None:
        """Copy prompt ``sources[i]`` ([count] int64) of ``prefill`` into row ``start + i``."""
        for row, new in zip(self.rows, prefill, strict=True):
            length = new[0].shape[2]
            row.reserve(length)
            for store, states in zip(row.store, new, strict=True):
                store[start : start + len(sources), :, :length] = states[sources]

    def move(self, sources: Tensor, targets: Tensor) -> None:
        """Copy rows ``sources`` over rows ``targets`` ([count] int64, disjoint)."""
        for row in self.rows:
            for store in row.store:
                store[targets, :, : row.span] = store[sources, :, : row.span]

    def states(self, span: int) -> States:
        """Return views of all rows' first ``span`` slots."""
        return [(row.store[0][:, :, :span], row.store[1][:, :, :span]) for row in self.rows]

    def aim(self, positions: Tensor, span: int) -> None:
        """Set up the next pass: row i writes slots ``positions[i]`` [T]; every row reads slots below ``span``."""
        lines = torch.arange(len(positions), device=positions.device)[:, None]
        for row in self.rows:
            row.reserve(span)
            row.lines, row.positions, row.span = lines, positions, span


def visible(positions: Tensor, span: int, dtype: torch.dtype) -> Tensor:
    """Build the additive mask [N, 1, T, span]: token t of row n sees slots 0 .. positions[n, t]."""
    hidden = torch.arange(span, device=positions.device) > positions[:, None, :, None]
    return torch.zeros(hidden.shape, dtype=dtype, device=positions.device).masked_fill_(hidden, float("-inf"))


def grouped_sdpa(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Compute SDPA, reading grouped KV heads in place for a single query token.

    transformers repeats keys and values for every query head of a group, which copies the whole cache at each decoded
    token. The heads of a group are queries of one KV head: [N, H, 1, D] is [N, KV heads, H / KV heads, D].
    """
    rows, heads, length, size = query.shape
    if length > 1 or attention_mask is None or kwargs.get("position_bias") is not None:
        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
        return output, None
    grouped = query.reshape(rows, key.shape[1], -1, size)
    output = F.scaled_dot_product_attention(grouped, key, value, attn_mask=attention_mask, scale=scaling)
    return output.reshape(rows, 1, heads, -1), None


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
