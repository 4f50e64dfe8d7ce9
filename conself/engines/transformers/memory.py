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
"""From this many bytes of weights on, a CPU's time depends on tokens, not on steps: more rows for each thread than
these, by bytes of a weight, gain at most a tenth, take memory, and are all drawn again after a kill."""
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


def is_large(needed: Footprint | None) -> bool:
    """Return whether a CPU's time depends on the tokens that the model draws, and not on its steps."""
    return needed is not None and needed.fixed - _PROCESS > _LARGE


def drawing_footprint(model: ModelRef, tokens: int) -> Footprint | None:
    """Estimate as :func:`footprint` does; None also for a quantised model.

    Raises:
        OSError: the model cannot be read.
    """
    return None if model.quantization is not None else footprint(load_config(model), _itemsize(model), tokens)


def within(runtime: Runtime, model: ModelRef, tokens: int, free: int, cores: int) -> Runtime:
    """Set processes, threads and rows of ``runtime`` to as many as are useful on a CPU and fit into ``free`` bytes.

    ``runtime.processes`` is the most that is wanted; ``threads`` None: they share the ``cores``. Rows are of up to
    ``tokens`` new tokens.

    Raises:
        OSError: the model cannot be read.
        ValueError: not even one process with one row fits; with the remedy.
    """
    needed, wanted = drawing_footprint(model, tokens), runtime.processes or 1
    if needed is None:
        return replace(runtime, processes=wanted, threads=runtime.threads or max(1, cores // wanted))
    usable = int(_SHARE * free)
    for processes in range(wanted, 0, -1):
        threads = runtime.threads or max(1, cores // processes)
        most = runtime.batch_size or (threads * _CPU_ROWS[_itemsize(model)] if is_large(needed) else MOST_ROWS)
        rows = min(most, (usable // processes - needed.fixed) // needed.row)
        if rows >= (min(_FEW, most) if processes > 1 else 1):
            return replace(runtime, processes=processes, threads=threads, batch_size=rows)
    least = needed.fixed + needed.row
    raise ValueError(
        f"drawing from {model.name} takes {least / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free; "
        "choose a 16-bit model.dtype, a smaller model or fewer max_new_tokens"
    )


def _itemsize(model: ModelRef) -> int:
    return 4 if model.dtype == "float32" else 2
