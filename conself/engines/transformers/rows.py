"""A KV cache of independent rows, written in place.

Row r holds its sequence in slots 0 .. length-1, so rows of any length share a batch without left padding, a row can
be replaced while others run on, and no row's arithmetic depends on its neighbours.
"""

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache, DynamicLayer

SPAN = 16
"""Spans are multiples of this: whole vectors for the kernels of a CPU, whose bits then are the same (see ``attention``
for the rest of it); those of a GPU want the alignment too."""
_HEADROOM = 64


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
