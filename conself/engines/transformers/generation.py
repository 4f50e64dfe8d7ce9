"""Batched generation with a KV cache, for any causal LM of transformers: the same tokens in any batch.

Rows run independently (see :mod:`conself.engines.transformers.rows`): a prompt is read once for all its samples, a
waiting sample takes the place of a finished one, and every sample draws from its own stream of uniforms.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from conself.engines.decoding import Decoding
from conself.engines.stop_strings import StopStrings
from conself.engines.transformers.draw import choose
from conself.engines.transformers.ledger import Completion, Ledger, Request
from conself.engines.transformers.prompts import read
from conself.engines.transformers.rows import RowCache, States, grouped_attention, round_up, visible

# Waiting prompts are read once this share of the rows is free: reading few at a time is slow.
_REFILL_SHARE = 4


@torch.inference_mode()
def stream(
    model: PreTrainedModel,
    requests: Sequence[Request],
    settings: Decoding,
    stop_ids: Sequence[int],
    batch_size: int,
    stops: StopStrings | None = None,
) -> Iterator[list[Completion]]:
    """Yield the completions of every request, in the order of requests and seeds, as soon as a request is finished.

    A sample depends only on its prompt, seed and settings, up to the rounding of the model's kernels. With SDPA in
    float32 on the CPU the bits are the same in any batch (experiments/sampling_speed checks it). A prompt and its
    completion never exceed the model's context length.

    Args:
        model: in eval mode; the requests run on its device.
        requests: prompts with seeds.
        settings: how to draw.
        stop_ids: ids that end a completion.
        batch_size: the most rows decoded together; changes speed and memory only.
        stops: texts that also end a completion.

    Raises:
        ValueError: an empty prompt, batch_size < 1, or attention that masks cannot express.
    """
    _check(model, requests, settings, batch_size)
    ledger = Ledger(model, requests, settings, stop_ids, stops if stops is not None and stops.stop else None)
    waiting = _chunks(requests, ledger.limits, batch_size)
    rows = _Rows(round_up(batch_size), model.device)
    following = 0
    with grouped_attention(model):
        while waiting or rows.active:
            free = batch_size - rows.active
            if waiting and (free == batch_size or free * _REFILL_SHARE >= batch_size):
                _admit(model, rows, requests, waiting, free)
            ledger.end(_step(model, rows, ledger, settings))
            while following < len(requests) and not ledger.running[following]:
                yield ledger.completions(following)
                following += 1
    for request in range(following, len(requests)):  # without room for a token, all of them
        yield ledger.completions(request)


def _check(model: PreTrainedModel, requests: Sequence[Request], settings: Decoding, batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}; set engine.runtime.batch_size")
    if any(not request.prompt_ids for request in requests):
        raise ValueError("a prompt has no token; check the prompt templates and the model's chat template")
    config = model.config
    if config._attn_implementation not in ("sdpa", "eager"):
        raise ValueError(f"sampling needs model.attention sdpa or eager, got {config._attn_implementation!r}")
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    longest = max((len(request.prompt_ids) for request in requests), default=0) + settings.max_new_tokens
    window = getattr(config, "sliding_window", None)
    if kinds - {"full_attention", "sliding_attention"} or (window is not None and longest > window):
        raise ValueError(
            f"{type(model).__name__} attends through a window or a state ({', '.join(sorted(kinds))}; window {window}) "
            f"that sequences of up to {longest} tokens would pass; choose a model with full attention or fewer tokens"
        )


@dataclass(frozen=True)
class _Chunk:
    """Samples ``first`` .. ``first + count`` (numbered over all requests) of one request, admitted together."""

    request: int
    first: int
    count: int
    length: int


def _chunks(requests: Sequence[Request], limits: NDArray[np.int64], batch_size: int) -> list[_Chunk]:
    """List the chunks to sample, the first request last, because they are taken from the end."""
    chunks = []
    first = 0
    for index, request in enumerate(requests):
        end = first + len(request.seeds)
        if end > first and limits[first] > 0:
            length = len(request.prompt_ids)
            chunks += [_Chunk(index, at, min(batch_size, end - at), length) for at in range(first, end, batch_size)]
        first = end
    return chunks[::-1]


class _Rows:
    """The running samples: ``state`` [4, rows] int64 holds sample, step, position and last token of each row."""

    def __init__(self, count: int, device: torch.device) -> None:
        self.state = torch.zeros(4, count, dtype=torch.int64, device=device)
        self.active = 0
        self.cache: RowCache | None = None

    def place(self, prefill: States, chunks: Sequence[_Chunk], requests: Sequence[Request]) -> None:
        """Start the samples of ``chunks`` (prompt i of ``prefill`` belongs to chunk i) in the next free rows."""
        start, device = self.active, self.state.device
        fresh = [
            (chunk.first + k, 0, chunk.length - 1, requests[chunk.request].prompt_ids[-1])
            for chunk in chunks
            for k in range(chunk.count)
        ]
        sources = [index for index, chunk in enumerate(chunks) for _ in range(chunk.count)]
        if self.cache is None:
            self.cache = RowCache(self.state.shape[1], prefill)
        self.cache.insert(start, torch.tensor(sources, device=device), prefill)
        self.active += len(fresh)
        self.state[:, start : self.active] = torch.tensor(fresh, device=device).T

    def evict(self, done: Tensor) -> list[int]:
        """Move the last running rows to the places of ``done`` rows ([active] bool); return the samples of those."""
        kept = self.active - int(done.sum())
        if kept == self.active:
            return []
        ended: list[int] = self.state[0, : self.active][done].tolist()
        holes = done[:kept].nonzero().squeeze(1)
        movers = kept + (~done[kept:]).nonzero().squeeze(1)
        if self.cache is not None and len(holes):
            self.cache.move(movers, holes)
            self.state[:, holes] = self.state[:, movers]
        self.state[:, kept : self.active] = 0  # an idle row is a harmless one: sample 0, step 0
        self.active = kept
        return ended


def _admit(model: PreTrainedModel, rows: _Rows, requests: Sequence[Request], waiting: list[_Chunk], free: int) -> None:
    """Read the prompts that fit into ``free`` rows, all but their last token."""
    chunks = []
    while waiting and waiting[-1].count <= free:
        chunks.append(waiting.pop())
        free -= chunks[-1].count
    if chunks:
        rows.place(read(model, [requests[chunk.request] for chunk in chunks]), chunks, requests)


def _step(model: PreTrainedModel, rows: _Rows, ledger: Ledger, settings: Decoding) -> list[int]:
    """Draw one token for every active row; evict rows that end, and return their samples."""
    if rows.cache is None:
        return []
    # CPU kernels compute very few rows, and remainders of their vectors, differently: fill up with idle rows.
    active, width = rows.active, round_up(rows.active)
    positions = rows.state[2, :width]
    span = round_up(int(positions[:active].max()) + 1)
    places = positions[:, None]
    rows.cache.aim(places, span)
    logits = model(
        input_ids=rows.state[3, :width, None],
        position_ids=places,
        attention_mask=visible(places, span, model.dtype),
        past_key_values=rows.cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, 0]
    samples, steps = rows.state[0, :width], rows.state[1, :width]
    draw = choose(logits.float(), ledger.uniforms[samples, steps], settings)
    tokens, logprobs, entropies = (values[:active] for values in draw)
    done = ledger.record(samples[:active], steps[:active], tokens, logprobs, entropies)
    rows.state[1:3, :active] += 1
    rows.state[3, :active] = tokens
    return rows.evict(done)
