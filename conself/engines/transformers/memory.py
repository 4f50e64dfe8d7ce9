"""Choose the number of processes and rows for drawing on a CPU, by its free memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from conself.models.transformers import load_config
from conself.records import ModelRef

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from conself.engines.transformers.engine import Runtime

_PROCESS = 700_000_000
"""Bytes of a process that has imported torch and transformers."""
_PROMPT = 1024
"""Tokens of a long prompt."""
_LOGIT_TABLES = 5
"""Tables of a row's logits in float32 that live while a token is chosen."""
_SLACK = 1.5
"""By how much keys and values are wider than their rows, at most (``RowLayer.reserve``)."""
_FEW = 8
"""Rows per process below which another process does not help."""
MOST_ROWS = 256
_LARGE, _CPU_ROWS = 100_000_000, {4: 32, 2: 64}
"""From this many bytes of weights on, a CPU's time depends on tokens, not on steps: more rows than these, by bytes of a
weight, gain at most a tenth, take memory, and are all drawn again after a kill."""
_SHARE = 0.8
"""Share of the free memory: the rest is for the driver and the file cache."""


@dataclass(frozen=True)
class Footprint:
    """The bytes of a drawing process: ``fixed``, and per ``row`` that it decodes at once."""

    fixed: int
    row: int


def footprint(config: PretrainedConfig, itemsize: int, tokens: int) -> Footprint | None:
    """Estimate the memory of a Llama-like model, with rows of a long prompt and ``tokens``; None for other models.

    ``itemsize`` is that of the weights, in bytes.
    """
    names = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "vocab_size")
    if not all(isinstance(getattr(config, name, None), int) for name in names):
        return None
    layers, hidden, inner, heads, vocabulary = (getattr(config, name) for name in names)
    size = getattr(config, "head_dim", None) or hidden // heads
    keys = (getattr(config, "num_key_value_heads", None) or heads) * size
    layer = 2 * hidden * heads * size + 2 * hidden * keys + 3 * hidden * inner
    # Packed layers hold a vocabulary that embeds as well a second time.
    weights = layers * layer + vocabulary * hidden * 2
    row = _SLACK * 2 * layers * keys * itemsize * (_PROMPT + tokens) + 4 * _LOGIT_TABLES * vocabulary
    return Footprint(weights * itemsize + _PROCESS, int(row))


def within(runtime: Runtime, model: ModelRef, tokens: int, free: int) -> Runtime:
    """Set processes and rows of ``runtime`` to as many as are useful on a CPU and fit into ``free`` bytes.

    Rows are of up to ``tokens`` new tokens.

    Raises:
        OSError: the model cannot be read.
        ValueError: not even one process with one row fits; with the remedy.
    """
    itemsize = 4 if model.dtype == "float32" else 2
    needed = None if model.quantization is not None else footprint(load_config(model), itemsize, tokens)
    if needed is None:
        return runtime
    large = needed.fixed - _PROCESS > _LARGE
    most = runtime.batch_size or (_CPU_ROWS[itemsize] if large else MOST_ROWS)
    usable = int(_SHARE * free)
    for processes in range(runtime.processes or 1, 0, -1):
        rows = min(most, (usable // processes - needed.fixed) // needed.row)
        if rows >= (min(_FEW, most) if processes > 1 else 1):
            return replace(runtime, processes=processes, batch_size=rows)
    least = needed.fixed + needed.row
    raise ValueError(
        f"drawing from {model.name} takes {least / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free; "
        "choose a 16-bit model.dtype, a smaller model or fewer max_new_tokens"
    )
