"""Completions by any causal LM of transformers with a chat template, on CPU or GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import groupby, islice
from typing import TYPE_CHECKING, ClassVar, Self

from joblib import cpu_count

from conself.engines.decoding import Decoding, check_cut
from conself.engines.engine import Ask, Demand, Engine, Flow, Reply, required
from conself.engines.stop_strings import StopStrings, text_of
from conself.engines.transformers.memory import MOST_ROWS, within
from conself.executors.executor import worker_index
from conself.models.dtypes import gpu_driver
from conself.models.transformers import fingerprint, load_policy, load_tokenizer, stop_token_ids
from conself.prompts.prompts import render
from conself.prompts.turns import encode_prompt
from conself.records import Candidate, ModelRef, Problem
from conself.runtime.memory import free_bytes, keep_freed, return_freed

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from conself.engines.transformers.ledger import Completion, Request

# Problems are read in windows of this many batches of samples: rows stay full, memory bounded.
_BATCHES_PER_WINDOW = 16
# On a CPU also of at most this many tokens for each row, a minute or two of a large model: a problem is on disk only
# after its window's earlier steps (observations, or a proposal's skeleton), so that a kill loses these of one window.
_TOKENS_PER_ROW = 1024
# A call needs this many: while it asks for observations, and at its end, few rows run, and steps cost nearly as much.
_BATCHES_PER_CALL = 4
# Slow imports, which workers do in advance.
_MODULES = ("conself.engines.transformers.generation", "transformers.models.auto.modeling_auto", "peft")


@dataclass(frozen=True)
class Runtime:
    """Settings that change speed and memory, not results.

    ``batch_size`` is the most sequences decoded together; None: 256, or for a large model on a CPU, where more don't
    help, 32, and 64 in 16 bits. ``device`` is a torch device or ``auto``. ``processes`` worker processes with
    ``threads`` threads draw at once, each ``shards_per_task`` shards in one stream. ``processes`` None is one on a GPU,
    and on a CPU as many as cores and memory allow, sharing the cores; otherwise ``threads`` None is 1.
    """

    batch_size: int | None
    device: str
    processes: int | None
    shards_per_task: int
    threads: int | None

    def __str__(self) -> str:
        return f"{self.processes} x {self.threads} threads x {self.rows} sequences"

    def __post_init__(self) -> None:
        check_cut(self.processes, self.shards_per_task)
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"runtime.batch_size must be at least 1, or null, got {self.batch_size}")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"runtime.threads must be at least 1, or null: all cores, got {self.threads}")

    @property
    def rows(self) -> int:
        """The most sequences decoded together, if independent of the model."""
        return self.batch_size or MOST_ROWS

    def on_gpu(self) -> bool:
        """Guess whether a GPU draws, without importing torch, which takes seconds."""
        return self.device != "cpu" and gpu_driver()


@dataclass(frozen=True)
class TransformersEngine(Engine):
    """Completions in batches with a KV cache: tokens don't depend on batch, order or number of processes."""

    runtime: Runtime

    loads_model: ClassVar[bool] = True
    modules: ClassVar[tuple[str, ...]] = _MODULES

    def fingerprint(self, model: ModelRef | None) -> str:
        """Return the model's fingerprint."""
        return fingerprint(required(model))

    def worth_a_call(self, demand: Demand) -> int:
        """Return the number of problems that fill the rows several times."""
        return -(-_BATCHES_PER_CALL * self.runtime.rows // demand.samples)

    def settled(self, model: ModelRef | None, demand: Demand) -> Self:
        """Set processes, threads and rows by cores and free memory; raises as :func:`within` does."""
        return replace(self, runtime=_settled(self.runtime, model, demand.tokens))

    def draw(
        self, problems: Iterable[Problem], flow: Flow, demand: Demand, model: ModelRef | None
    ) -> Iterator[list[Candidate]]:
        """Run the flow on windows of problems, which share batches; ``Reply.n_tokens`` counts all tokens.

        The model stays loaded for the next call; the rows' memory is freed.
        """
        complete = partial(complete_chats, required(model), self.runtime)
        for window in _windows(problems, demand, self.runtime):
            yield from flow(window, complete)
        return_freed()

    def tokens(self, requests: Sequence[Request], how: Decoding, model: ModelRef) -> list[list[Completion]]:
        """Draw tokens from the model on disk, in this process."""
        from conself.engines.transformers.generation import stream

        policy, tokenizer, stop_ids = loaded(model, self.runtime.device)
        return list(stream(policy, requests, how, stop_ids, self.runtime.rows, StopStrings(tokenizer, how.stop)))


def _settled(runtime: Runtime, model: ModelRef | None, tokens: int) -> Runtime:
    if model is None or runtime.on_gpu():  # a GPU's memory is governed by batch_size, which the user sets
        return replace(runtime, processes=runtime.processes or 1, threads=runtime.threads or 1)
    cores = cpu_count()
    most = replace(runtime, processes=runtime.processes or cores)
    fits = within(most, model, tokens, free_bytes())
    shared = 1 if runtime.processes else max(1, cores // (fits.processes or 1))
    return replace(fits, threads=runtime.threads or shared)


def complete_chats(model: ModelRef, runtime: Runtime, asks: Sequence[Ask], settings: Decoding) -> Iterator[list[Reply]]:
    """Yield one reply per seed of every ask, in order, as soon as possible; the model is loaded once per process."""
    from conself.engines.transformers.generation import stream
    from conself.engines.transformers.ledger import Request
    from conself.engines.transformers.prompts import shared_length

    policy, tokenizer, stop_ids = loaded(model, runtime.device)
    requests: list[Request] = []
    for group, members in groupby(asks, lambda ask: ask.group):
        alike = list(members)
        prompts = [tuple(encode_prompt(tokenizer, render(tokenizer, ask.messages))) for ask in alike]
        shared = 0 if group is None else shared_length(prompts)
        requests += [Request(ids, ask.seeds, shared) for ids, ask in zip(prompts, alike, strict=True)]
    stops = StopStrings(tokenizer, settings.stop)
    for replies in stream(policy, requests, settings, stop_ids, runtime.rows, stops):
        yield [_reply(completion, stops, stop_ids) for completion in replies]


def _reply(completion: Completion, stops: StopStrings, stop_ids: Sequence[int]) -> Reply:
    count = len(completion.token_ids)
    return Reply(
        text=text_of(completion.token_ids.tolist(), stops, stop_ids),
        finish_reason=completion.finish_reason,
        mean_nll=-float(completion.token_logprobs.mean(dtype="float64")) if count else None,
        mean_token_entropy=float(completion.token_entropies.mean(dtype="float64")) if count else None,
        n_tokens=count,
    )


@lru_cache(maxsize=1)
def loaded(model: ModelRef, device: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, tuple[int, ...]]:
    """Load a model to draw from, its tokenizer and the ids that end a turn; the last model is kept for the next call.

    Raises:
        OSError: the model cannot be loaded.
        ValueError: torch does not know the device; with the remedy.
    """
    import torch

    from conself.engines.transformers.packed import pack

    if device == "auto" and torch.cuda.is_available():
        device = f"cuda:{worker_index() % torch.cuda.device_count()}"  # several processes: a GPU each
    policy, tokenizer = load_policy(model, device), load_tokenizer(model)
    if policy.device.type == "cpu":
        keep_freed()
        pack(policy)
    return policy, tokenizer, stop_token_ids(policy, tokenizer)


def _windows(problems: Iterable[Problem], demand: Demand, runtime: Runtime) -> Iterator[list[Problem]]:
    most = _BATCHES_PER_WINDOW * runtime.rows
    if not runtime.on_gpu():
        most = min(most, _TOKENS_PER_ROW * runtime.rows // demand.tokens)
    count = max(1, most // demand.samples)
    stream = iter(problems)
    while window := list(islice(stream, count)):
        yield window
