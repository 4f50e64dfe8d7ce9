"""Batched generation with a KV cache, for any causal LM of transformers: the same tokens in any batch.

Rows run independently (see :mod:`conself.engines.transformers.rows`): a prompt is read once for all its samples, a
waiting sample takes the place of a finished one, and every sample draws from its own stream of uniforms.
"""

import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from transformers import PreTrainedModel

from conself.engines.decoding import Decoding
from conself.engines.stop_strings import StopStrings
from conself.engines.transformers.attention import grouped_attention, visible
from conself.engines.transformers.draw import choose
from conself.engines.transformers.ledger import Completion, Ledger, Request
from conself.engines.transformers.prompts import read
from conself.engines.transformers.rows import RowCache, States, round_up

# Waiting prompts are read once this share of the rows is free: reading few at a time is slow.
_REFILL_SHARE = 4

Deliver = Callable[[int, Completion], None]
"""Called with the place of a seed in its request, and its completion."""


def stream(
    model: PreTrainedModel,
    requests: Sequence[Request],
    settings: Decoding,
    stop_ids: Sequence[int],
    batch_size: int,
    stops: StopStrings | None = None,
) -> Iterator[list[Completion]]:
    """Yield the completions of every request, in the order of requests and seeds, as soon as a request is finished.

    A sample depends only on its prompt, seed and settings, up to the rounding of the model's kernels. With SDPA on a
    CPU the bits are the same in any batch (:mod:`conself.engines.transformers.attention`). A prompt and its completion
    never exceed the model's context length.

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
    found: list[dict[int, Completion]] = [{} for _ in requests]
    generator = Generator(model, stop_ids, batch_size)
    for request, completions in zip(requests, found, strict=True):
        generator.add(request, settings, stops, completions.__setitem__)
    with grouped_attention(model):
        for request, completions in zip(requests, found, strict=True):
            while len(completions) < len(request.seeds):
                generator.step()
            yield [completions[place] for place in range(len(request.seeds))]


@dataclass(frozen=True)
class _Lane:
    """Samples that are drawn in the same way; ``settings`` have no part that limits a sample alone."""

    settings: Decoding
    stops: StopStrings | None


@dataclass(frozen=True)
class _Chunk:
    """Samples of one request that start together: their places in it, and how many tokens each has room for."""

    request: Request
    places: range
    room: int
    lane: _Lane
    deliver: Deliver
    turn: int


class Generator:
    """Decodes samples of any requests together, also of some that are added while others run.

    Within :func:`grouped_attention`, which the caller sets, keys and values are read in place.

    Raises:
        ValueError: batch_size < 1, or attention that masks cannot express.
    """

    def __init__(self, model: PreTrainedModel, stop_ids: Sequence[int], batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}; set engine.runtime.batch_size")
        if model.config._attn_implementation not in ("sdpa", "eager"):
            chosen = model.config._attn_implementation
            raise ValueError(f"sampling needs model.attention sdpa or eager, got {chosen!r}")
        self.batch_size = batch_size
        self._model = model
        self._rows = _Rows(round_up(batch_size), model.device)
        self._ledger = Ledger(round_up(batch_size), model.config.vocab_size, stop_ids, model.device)
        self._waiting: list[_Chunk] = []  # by turn, the last first
        self._running: dict[int, tuple[_Chunk, int]] = {}  # by line of the ledger: a chunk, and a place in its request
        self._lanes = Counter[_Lane]()  # running samples of each

    @property
    def live(self) -> int:
        """The number of samples that run or wait."""
        return len(self._running) + sum(len(chunk.places) for chunk in self._waiting)

    def add(
        self, request: Request, settings: Decoding, stops: StopStrings | None, deliver: Deliver, turn: int = 0
    ) -> None:
        """Let the samples of a request wait for rows; ``deliver`` is told of each when it has ended.

        Those of a lower ``turn`` start first, and otherwise those that came first.

        Raises:
            ValueError: the prompt is empty, or the request would outgrow an attention window.
        """
        if not request.prompt_ids:
            raise ValueError("a prompt has no token; check the prompt templates and the model's chat template")
        _check_attention(self._model, len(request.prompt_ids) + settings.max_new_tokens)
        context = getattr(self._model.config, "max_position_embeddings", None)
        most = settings.max_new_tokens
        room = most if context is None else min(most, context - len(request.prompt_ids))
        if room < 1:
            for place in range(len(request.seeds)):
                deliver(place, Completion.empty())
            return
        lane = _Lane(replace(settings, max_new_tokens=1), stops if stops is not None and stops.stop else None)
        places = range(len(request.seeds))
        for at in range(0, len(places), self.batch_size):
            chunk = _Chunk(request, places[at : at + self.batch_size], room, lane, deliver, turn)
            bisect.insort_left(self._waiting, chunk, key=lambda other: -other.turn)

    def clear(self) -> None:
        """Drop all samples."""
        self._waiting.clear()
        self._rows.evict(torch.ones(self._rows.active, dtype=torch.bool, device=self._rows.state.device))
        self._ledger.close(list(self._running))
        self._running.clear()
        self._lanes.clear()

    @torch.inference_mode()
    def step(self) -> None:
        """Draw one token for every running sample, and deliver those that end; first start waiting ones, if many can.

        Does nothing if there is no sample.
        """
        free = self.batch_size - self._rows.active
        if self._waiting and (free == self.batch_size or free * _REFILL_SHARE >= self.batch_size):
            self._admit(free)
        if not self._rows.active:
            return
        ended = self._rows.evict(self._draw(self._logits()))
        if not ended:
            return
        for line, completion in zip(ended, self._ledger.close(ended), strict=True):
            chunk, place = self._running.pop(line)
            self._lanes[chunk.lane] -= 1
            if not self._lanes[chunk.lane]:
                del self._lanes[chunk.lane]
            chunk.deliver(place, completion)

    def _admit(self, free: int) -> None:
        """Read the prompts that fit into ``free`` rows, all but their last token."""
        chunks: list[_Chunk] = []
        while self._waiting and len(self._waiting[-1].places) <= free:
            chunks.append(self._waiting.pop())
            free -= len(chunks[-1].places)
        if not chunks:
            return
        lines = []
        for chunk in chunks:
            seeds = [chunk.request.seeds[place] for place in chunk.places]
            opened = self._ledger.open(seeds, chunk.room, chunk.lane.settings)
            self._running.update({line: (chunk, place) for line, place in zip(opened, chunk.places, strict=True)})
            self._lanes[chunk.lane] += len(opened)
            lines.append(opened)
        self._rows.place(read(self._model, [chunk.request for chunk in chunks]), lines, chunks)

    def _logits(self) -> Tensor:
        """Run the model on the last token of every row: [width, V] float32, idle rows included."""
        rows = self._rows
        assert rows.cache is not None
        # CPU kernels compute very few rows, and remainders of their vectors, differently: fill up with idle rows.
        active, width = rows.active, round_up(rows.active)
        positions = rows.state[2, :width]
        span = round_up(int(positions[:active].max()) + 1)
        places = positions[:, None]
        rows.cache.aim(places, span)
        logits: Tensor = self._model(
            input_ids=rows.state[3, :width, None],
            position_ids=places,
            attention_mask=visible(places, span, self._model.dtype),
            past_key_values=rows.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, 0]
        return logits.float()

    def _draw(self, logits: Tensor) -> Tensor:
        """Draw a token for every running row, lane by lane; return True [active] where a sample ends."""
        rows = self._rows
        uniforms = self._ledger.uniforms[rows.state[0, : len(logits)], rows.state[1, : len(logits)]]
        if len(self._lanes) == 1:
            (lane,) = self._lanes
            return self._record(lane, slice(None), choose(logits, uniforms, lane.settings))
        of_row = [self._running[line][0].lane for line in rows.state[0, : rows.active].tolist()]
        done = torch.zeros(rows.active, dtype=torch.bool, device=logits.device)
        for lane in self._lanes:
            members = torch.tensor([row for row, its in enumerate(of_row) if its == lane], device=logits.device)
            filled = members[torch.arange(round_up(len(members)), device=logits.device).clamp_(max=len(members) - 1)]
            done[members] = self._record(lane, members, choose(logits[filled], uniforms[filled], lane.settings))
        return done

    def _record(self, lane: _Lane, members: Tensor | slice, draw: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Record what rows ``members`` drew, idle rows after them left out; return True where a sample ends."""
        state = self._rows.state[:, : self._rows.active]
        lines, steps = state[0][members], state[1][members]
        tokens, logprobs, entropies = (values[: len(lines)] for values in draw)
        done = self._ledger.record(lines, steps, (tokens, logprobs, entropies), lane.stops)
        state[1:3, members] += 1
        state[3, members] = tokens
        return done


class _Rows:
    """The running samples: ``state`` [4, rows] int64 holds line, step, position and last token of each row."""

    def __init__(self, count: int, device: torch.device) -> None:
        self.state = torch.zeros(4, count, dtype=torch.int64, device=device)
        self.active = 0
        self.cache: RowCache | None = None

    def place(self, prefill: States, lines: Sequence[Sequence[int]], chunks: Sequence[_Chunk]) -> None:
        """Start the samples of ``chunks`` (prompt i of ``prefill`` is that of chunk i) in the next free rows."""
        start, device = self.active, self.state.device
        fresh = [
            (line, 0, len(chunk.request.prompt_ids) - 1, chunk.request.prompt_ids[-1])
            for opened, chunk in zip(lines, chunks, strict=True)
            for line in opened
        ]
        sources = [index for index, opened in enumerate(lines) for _ in opened]
        if self.cache is None:
            self.cache = RowCache(self.state.shape[1], prefill)
        self.cache.insert(start, torch.tensor(sources, device=device), prefill)
        self.active += len(fresh)
        self.state[:, start : self.active] = torch.tensor(fresh, device=device).T

    def evict(self, done: Tensor) -> list[int]:
        """Move the last running rows to the places of ``done`` rows ([active] bool); return the lines of those."""
        kept = self.active - int(done.sum())
        if kept == self.active:
            return []
        ended: list[int] = self.state[0, : self.active][done].tolist()
        holes = done[:kept].nonzero().squeeze(1)
        movers = kept + (~done[kept:]).nonzero().squeeze(1)
        if self.cache is not None and len(holes):
            self.cache.move(movers, holes)
            self.state[:, holes] = self.state[:, movers]
        self.state[:, kept : self.active] = 0  # an idle row is a harmless one: line 0, step 0
        self.active = kept
        return ended


def _check_attention(model: PreTrainedModel, longest: int) -> None:
    """Check that the model can decode ``longest`` tokens by masks."""
    config = model.config
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None)
    if kinds - {"full_attention", "sliding_attention"} or (window is not None and longest > window):
        raise ValueError(
            f"{type(model).__name__} attends through a window or a state ({', '.join(sorted(kinds))}; window {window}) "
            f"that sequences of up to {longest} tokens would pass; choose a model with full attention or fewer tokens"
        )
