"""What runs inside the worker process that holds the engine."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Any, ClassVar, get_args

from conself.engines.decoding import Decoding
from conself.engines.engine import Ask, Reply
from conself.engines.vllm import machine as vllm_machine
from conself.engines.vllm.machine import machine_for
from conself.engines.vllm.start import Runtime
from conself.executors.executor import worker_index
from conself.prompts.prompts import Prompts
from conself.records import Candidate, ModelRef, Problem


@dataclass(frozen=True)
class Ending(Prompts):
    """Chat prompts whose answers end where the function returns."""

    stop: ClassVar[tuple[str, ...]] = ("\n    return",)


def draw(part: Any, problems: Sequence[Problem], ref: ModelRef) -> Iterator[list[Candidate]]:
    yield from part(problems, ref)


def tokens(
    asks: Sequence[Ask], drawn: Decoding, ref: ModelRef, runtime: Runtime
) -> Iterator[list[tuple[list[int], list[float], list[float]]]]:
    """Per ask and seed: token ids, log-probabilities and entropies, token by token, caught where they are summed up."""
    engine = machine_for(ref, runtime, None)
    seen: dict[int, tuple[list[int], list[float], list[float]]] = {}
    add = vllm_machine.add_rows

    def caught(sums: Any, ids: Any, rows: Any) -> None:
        before = [(s.nll, s.entropy) for s in sums]
        add(sums, ids, rows)
        for known, (nll, entropy) in zip(sums, before, strict=True):
            _, logprobs, entropies = seen.setdefault(id(known), (known.token_ids, [], []))
            logprobs.append(nll - known.nll)
            entropies.append(known.entropy - entropy)

    replies: list[list[Reply | None]] = [[None] * len(ask.seeds) for ask in asks]
    sums = []
    vllm_machine.add_rows = caught
    try:
        for ask, places in zip(asks, replies, strict=True):
            names = engine.submit([ask], drawn, lambda _, place, reply, to=places: to.__setitem__(place, reply), 0)
            sums.append([engine._draws[name].sums for name in names])
        while engine.live:
            engine.step()
    finally:
        vllm_machine.add_rows = add
    assert None not in [reply for places in replies for reply in places]
    for group in sums:
        yield [seen[id(known)] for known in group]


def read_ahead(part: Any, problem: Problem, ref: ModelRef) -> Iterator[tuple[int, int]]:
    """How many problems were read for the first result, and how many samples live on after the reader has gone."""
    read = count()
    endless = (problem for _ in read)
    results = part(endless, ref)
    list(islice(results, 1))
    results.close()
    yield next(read), machine_for(ref, part.runtime, None).live


def lora_ranks() -> Iterator[tuple[int, ...]]:
    from vllm.config.lora import MaxLoRARanks

    yield get_args(MaxLoRARanks)


def gpus_of_two_engines(part: Any, problems: Sequence[Problem], ref: ModelRef) -> Iterator[tuple[int, list[str]]]:
    """Of this worker: its index, and the GPUs it leaves visible at each of two starts of an engine."""
    seen = []
    for seats in (8, 9):
        runtime = replace(part.runtime, max_num_seqs=seats)
        list(replace(part, engine=replace(part.engine, runtime=runtime))(problems, ref))
        seen.append(os.environ["CUDA_VISIBLE_DEVICES"])
    yield worker_index(), seen
