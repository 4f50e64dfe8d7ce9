"""Batched generation with a KV cache, for any causal LM of transformers: the same tokens in any batch.

Rows run independently (see :mod:`conself.samplers.transformers.rows`): a prompt is read once for all its samples, a
finished row gives its place to a waiting one, and every sample draws from its own stream of uniforms.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache

from conself.samplers.decoding import Decoding
from conself.samplers.stop_strings import StopStrings
from conself.samplers.transformers.draw import choose
from conself.samplers.transformers.rows import RowCache, grouped_attention, round_up

# Waiting prompts are read once this share of the rows is free: reading few at a time is slow.
_REFILL_SHARE = 4


@dataclass(frozen=True)
class Request:
    """A prompt (token ids, at least one) and one 64-bit seed for each completion wanted of it."""

    prompt_ids: tuple[int, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Completion:
    """One completion of T tokens.

    ``token_ids`` [T] int64 end with the end-of-turn token, or with one that completes a stop string, exactly when
    ``finish_reason`` is ``"stop"``; else it is ``"length"``. ``token_logprobs`` and ``token_entropies``, [T] float32 in
    nats, are those of :func:`conself.samplers.transformers.draw.choose`.
    """

    token_ids: NDArray[np.int64]
    finish_reason: str
    token_logprobs: NDArray[np.float32]
    token_entropies: NDArray[np.float32]


@torch.inference_mode()
def generate(
    model: PreTrainedModel,
    requests: Sequence[Request],
    settings: Decoding,
    stop_ids: Sequence[int],
    batch_size: int,
    stops: StopStrings | None = None,
) -> list[list[Completion]]:
    """Completions of every request, in the order of the requests and of their seeds.

    A sample depends on its prompt, seed and settings only, up to the rounding of the model's kernels. With SDPA in
    float32 on the CPU there is none to see: the same bits in any batch (experiments/sampling_speed checks it). A
    prompt and its completion never pass the model's context length.

    Args:
        model: in eval mode; the requests run on its device.
        requests: prompts with seeds.
        settings: how to draw.
        stop_ids: ids that end a completion.
        batch_size: the most rows decoded together; changes speed and memory only.
        stops: texts that end a completion as well.

    Raises:
        ValueError: an empty prompt, batch_size < 1, or attention that masks cannot describe.
    """
    _check(model, requests, settings, batch_size)
    ledger = _Ledger(model, requests, settings, stop_ids, stops if stops is not None and stops.stop else None)
    waiting = _chunks(requests, ledger.limits, batch_size)
    rows = _Rows(round_up(batch_size), model.device)
    with grouped_attention(model):
        while waiting or rows.active:
            free = batch_size - rows.active
            if waiting and (free == batch_size or free * _REFILL_SHARE >= batch_size):
                _admit(model, rows, requests, waiting, free)
            _step(model, rows, ledger, settings)
    return ledger.completions(requests)


def _check(model: PreTrainedModel, requests: Sequence[Request], settings: Decoding, batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}; set sampler.runtime.batch_size")
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
    """What is to be sampled, shortest prompt last (taken from the end), so that neighbours have like lengths."""
    chunks = []
    first = 0
    for index, request in enumerate(requests):
        end = first + len(request.seeds)
        if end > first and limits[first] > 0:
            length = len(request.prompt_ids)
            chunks += [_Chunk(index, at, min(batch_size, end - at), length) for at in range(first, end, batch_size)]
        first = end
    return sorted(chunks, key=lambda chunk: (-chunk.length, -chunk.first))


class _Ledger:
    """What every sample, numbered over all requests, may draw and has drawn."""

    def __init__(
        self,
        model: PreTrainedModel,
        requests: Sequence[Request],
        settings: Decoding,
        stop_ids: Sequence[int],
        stops: StopStrings | None,
    ) -> None:
        self.texts = stops
        device, most = model.device, settings.max_new_tokens
        seeds = [seed for request in requests for seed in request.seeds]
        context = getattr(model.config, "max_position_embeddings", None) or np.iinfo(np.int64).max
        room = [context - len(request.prompt_ids) for request in requests for _ in request.seeds]
        self.limits: NDArray[np.int64] = np.clip(np.array(room, dtype=np.int64), 0, most)
        self.limit = torch.from_numpy(self.limits).to(device)
        self.uniforms = torch.from_numpy(_uniforms(seeds, most, settings.temperature == 0)).to(device)
        self.stops = torch.zeros(model.config.vocab_size, dtype=torch.bool, device=device)
        self.stops[torch.tensor(list(stop_ids), dtype=torch.int64, device=device)] = True
        shape = (len(seeds), most)
        self.tokens = torch.zeros(shape, dtype=torch.int64, device=device)
        self.logprobs = torch.zeros(shape, dtype=torch.float32, device=device)
        self.entropies = torch.zeros(shape, dtype=torch.float32, device=device)
        self.lengths = torch.zeros(len(seeds), dtype=torch.int64, device=device)
        self.stopped = torch.zeros(len(seeds), dtype=torch.bool, device=device)

    def record(self, samples: Tensor, steps: Tensor, tokens: Tensor, logprobs: Tensor, entropies: Tensor) -> Tensor:
        """Note what ``samples`` [N] drew at ``steps`` [N]; True [N] where that ends the sample."""
        self.tokens[samples, steps] = tokens
        self.logprobs[samples, steps] = logprobs
        self.entropies[samples, steps] = entropies
        stopped = self.stops[tokens]
        if self.texts is not None:
            stopped |= self._ended(self.texts, samples, steps)
        self.lengths[samples] = steps + 1
        self.stopped[samples] = stopped
        return stopped | (steps + 1 >= self.limit[samples])

    def _ended(self, texts: StopStrings, samples: Tensor, steps: Tensor) -> Tensor:
        """Whether the text of each sample's last tokens holds a stop string, [N] bool."""
        back = torch.arange(texts.window - 1, -1, -1, device=steps.device)
        last = self.tokens[samples[:, None], (steps[:, None] - back).clamp_(min=0)].tolist()  # one copy for all rows
        drawn = (steps + 1).clamp(max=texts.window).tolist()
        found = [texts.end(ids[-count:]) for ids, count in zip(last, drawn, strict=True)]
        return torch.tensor(found, dtype=torch.bool, device=steps.device)

    def completions(self, requests: Sequence[Request]) -> list[list[Completion]]:
        """The books, cut into completions per request."""
        books = [book.cpu().numpy() for book in (self.tokens, self.logprobs, self.entropies)]
        lengths, stopped = self.lengths.tolist(), self.stopped.tolist()
        samples = (
            Completion(
                tokens[:length].copy(), "stop" if ended else "length", logprobs[:length].copy(), ent[:length].copy()
            )
            for tokens, logprobs, ent, length, ended in zip(*books, lengths, stopped, strict=True)
        )
        return [[next(samples) for _ in request.seeds] for request in requests]


def _uniforms(seeds: Sequence[int], count: int, greedy: bool) -> NDArray[np.float64]:
    """[samples, count] in [0, 1): row s is the start of the counter-based stream keyed by seed s."""
    if greedy:
        return np.zeros((len(seeds), count))
    streams = [np.random.Generator(np.random.Philox(key=seed)).random(count) for seed in seeds]
    return np.stack(streams) if streams else np.zeros((0, count))


class _Rows:
    """The running samples: ``state`` [4, rows] int64 holds sample, step, position and last token of each row."""

    def __init__(self, count: int, device: torch.device) -> None:
        self.state = torch.zeros(4, count, dtype=torch.int64, device=device)
        self.active = 0
        self.cache: RowCache | None = None

    def place(self, prefill: DynamicCache, chunks: Sequence[_Chunk], requests: Sequence[Request]) -> None:
        """Start the samples of ``chunks`` (prompt i of ``prefill`` is that of chunk i) in the next free rows."""
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

    def evict(self, done: Tensor) -> None:
        """Let the last running rows take the places of the rows that are ``done`` ([active] bool)."""
        kept = self.active - int(done.sum())
        if kept == self.active:
            return
        holes = done[:kept].nonzero().squeeze(1)
        movers = kept + (~done[kept:]).nonzero().squeeze(1)
        if self.cache is not None and len(holes):
            self.cache.move(movers, holes)
            self.state[:, holes] = self.state[:, movers]
        self.state[:, kept : self.active] = 0  # an idle row is a harmless one: sample 0, step 0
        self.active = kept


def _admit(model: PreTrainedModel, rows: _Rows, requests: Sequence[Request], waiting: list[_Chunk], free: int) -> None:
    """Read the prompts that fit into ``free`` rows, all but their last token, in one forward pass."""
    chunks = []
    while waiting and waiting[-1].count <= free:
        chunks.append(waiting.pop())
        free -= chunks[-1].count
    if not chunks:
        return
    longest = max(chunk.length for chunk in chunks)
    width = round_up(longest - 1)
    prompts = torch.zeros(len(chunks), width, dtype=torch.int64)
    for row, chunk in enumerate(chunks):
        # Padding on the right: causal attention never looks there, and decoding overwrites it.
        prompts[row, : chunk.length - 1] = torch.tensor(requests[chunk.request].prompt_ids[:-1])
    places = torch.arange(width, device=model.device).clamp_(max=longest - 1)  # padding never passes the context
    prefill = DynamicCache()
    model(
        input_ids=prompts.to(model.device),
        position_ids=places[None],
        past_key_values=prefill,
        use_cache=True,
        logits_to_keep=1,
    )
    rows.place(prefill, chunks, requests)


def _step(model: PreTrainedModel, rows: _Rows, ledger: _Ledger, settings: Decoding) -> None:
    """Draw one token for every active row; rows that end leave."""
    if rows.cache is None:
        return
    # CPU kernels treat very few rows, and what their vectors leave over, in another way: idle rows fill up.
    active, width = rows.active, round_up(rows.active)
    positions = rows.state[2, :width]
    span = round_up(int(positions[:active].max()) + 1)
    rows.cache.aim(positions, span)
    logits = model(
        input_ids=rows.state[3, :width, None],
        position_ids=positions[:, None],
        attention_mask=_mask(positions, span, model.dtype),
        past_key_values=rows.cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, 0]
    samples, steps = rows.state[0, :width], rows.state[1, :width]
    drawn = choose(logits.float(), ledger.uniforms[samples, steps], settings)
    tokens, logprobs, entropies = (values[:active] for values in drawn)
    done = ledger.record(samples[:active], steps[:active], tokens, logprobs, entropies)
    rows.state[1:3, :active] += 1
    rows.state[3, :active] = tokens
    rows.evict(done)


def _mask(positions: Tensor, span: int, dtype: torch.dtype) -> Tensor:
    """Additive mask [N, 1, 1, span]: row i sees slots 0 .. positions[i]."""
    hidden = torch.arange(span, device=positions.device) > positions[:, None, None, None]
    return torch.zeros(hidden.shape, dtype=dtype, device=positions.device).masked_fill_(hidden, float("-inf"))
