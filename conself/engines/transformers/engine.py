"""Completions by any causal LM of transformers with a chat template, on CPU or GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from joblib import cpu_count

from conself.engines.decoding import Decoding, check_cut
from conself.engines.engine import Demand, Engine, Flow, required
from conself.engines.stop_strings import StopStrings
from conself.engines.stream import alone, stream
from conself.engines.transformers.memory import MOST_ROWS, drawing_footprint, is_large, within
from conself.engines.transformers.speed import faster
from conself.models.dtypes import gpu_driver
from conself.models.transformers import fingerprint
from conself.records import Candidate, ModelRef, Problem
from conself.runtime.memory import free_bytes, return_freed

if TYPE_CHECKING:
    from conself.engines.transformers.ledger import Completion, Request

# A call needs this many batches of samples: at its end few rows run, and steps cost nearly as much.
_BATCHES_PER_CALL = 4
# Slow imports, which workers do in advance.
_MODULES = ("conself.engines.transformers.machine", "transformers.models.auto.modeling_auto", "peft")


@dataclass(frozen=True)
class Runtime:
    """Settings that change speed and memory, and on a GPU, by rounding, which samples are drawn.

    ``batch_size`` is the most sequences decoded together; None: 256, or for a large model on a CPU, where more don't
    help, 32 for each thread, and 64 in 16 bits. ``device`` is a torch device or ``auto``. ``processes`` worker
    processes with ``threads`` threads draw at once, each ``shards_per_task`` shards in one stream, or more if it takes
    more problems to fill its rows. ``processes`` None is one on a GPU, and on a CPU as many as memory allows, which
    share the cores, or for a large model one if that is as fast (:mod:`conself.engines.transformers.speed`); otherwise
    ``threads`` None is 1.
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
    """Completions in batches with a KV cache: on a CPU tokens don't depend on batch, order or number of processes.

    On a GPU, or with eager attention, they do by rounding: few greedy answers change with the rows beside them, and
    most sampled ones. One thread and two gave the same; with three, float32 at their borders may be rounded otherwise.
    """

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
        """Set processes, threads and rows by cores, free memory and, once, a measurement; raises as ``within`` does."""
        return replace(self, runtime=_settled(self.runtime, model, demand.tokens))

    def draw(
        self, problems: Iterable[Problem], flow: Flow, demand: Demand, model: ModelRef | None
    ) -> Iterator[list[Candidate]]:
        """Run the flow of each problem, in one stream; ``Reply.n_tokens`` counts all tokens.

        The model stays loaded for the next call; the rows' memory is freed.
        """
        from conself.engines.transformers.attention import grouped_attention
        from conself.engines.transformers.machine import TransformersMachine

        machine = TransformersMachine(required(model), self.runtime.device, self.runtime.rows)
        try:
            with grouped_attention(machine.policy):
                yield from stream(problems, alone(flow), machine, demand.samples)
        finally:  # also when the reader takes no more
            del machine
            return_freed()

    def tokens(self, requests: Sequence[Request], how: Decoding, model: ModelRef) -> list[list[Completion]]:
        """Draw tokens from the model on disk, in this process."""
        from conself.engines.transformers import generation
        from conself.engines.transformers.machine import loaded

        policy, tokenizer, stop_ids = loaded(model, self.runtime.device)
        stops = StopStrings(tokenizer, how.stop)
        return list(generation.stream(policy, requests, how, stop_ids, self.runtime.rows, stops))


def _settled(runtime: Runtime, model: ModelRef | None, tokens: int) -> Runtime:
    if model is None or runtime.on_gpu():  # a GPU's memory is governed by batch_size, which the user sets
        return replace(runtime, processes=runtime.processes or 1, threads=runtime.threads or 1)
    cores, free = cpu_count(), free_bytes()
    if runtime.processes:
        return within(replace(runtime, threads=runtime.threads or 1), model, tokens, free, cores)
    most = max(1, cores // (runtime.threads or 1))
    several = within(replace(runtime, processes=most), model, tokens, free, cores)
    chosen = runtime.threads or runtime.batch_size  # by the user
    if several.processes == 1 or chosen or not is_large(drawing_footprint(model, tokens)):
        return several
    return faster(several, within(replace(runtime, processes=1), model, tokens, free, cores), model)
