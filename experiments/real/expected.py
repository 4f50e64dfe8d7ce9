"""How long a round takes: from a few seconds of drawing and reading with its own model on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.datasets.validation import sift
from conself.executors.local import LocalExecutor
from conself.pipelines.parts import asking
from conself.records import ModelRef
from conself.samplers.guided import Guided

_PROMPT = 256
"""Tokens of a prompt, about."""
_TIMES_READ = 2
"""How often the statement of a problem is read: for its observations, and for the programs, which share it."""
_SHARE = 0.6
"""Of the tokens that an answer may have, those that it has: observed on LeetCodeDataset with 256."""
_KEPT = 0.5
"""Of the problems those that a curriculum keeps and that have pairs, about."""
_LEARNED = 4
"""Answers that are learned from on such a problem: a winner and three losers, behind one prompt."""
_BACKWARD = 4
"""Passes forward that a step's tokens cost: reading, backward twice that, and recomputing."""
_LOADS = 2
"""Stages that load the model in any case, to sample and to fit; each benchmark is answered before and after."""
_STEPS = 16


def expected(config: DictConfig) -> str:
    """A line about the time; the data sets are opened for it, which tells at once where one is missing.

    Raises:
        OSError: a data set, or the model, is not there.
        ValueError: the model does not fit into memory.
    """
    problems, _ = sift(instantiate(config.dataset, _convert_="all")())
    held_out = sum(len(benchmark().problems) for benchmark in instantiate(config.benchmark, _convert_="all").values())
    model: ModelRef = instantiate(config.model)
    drawn_by = asking(config.sampler, config.engine).settled(model)
    sampler: Guided = instantiate(config.sampler, _convert_="all")
    count = min(len(problems), config.max_problems or len(problems))
    programs = count * sampler.n_observations * sampler.programs_per_observation
    drawn = programs * sampler.max_new_tokens + count * sampler.max_observation_tokens
    answers = 2 * held_out * config.decoder.max_new_tokens
    tokens = _SHARE * (drawn + answers)
    answer = _SHARE * sampler.max_new_tokens
    trained = config.training.epochs * _KEPT * count * (_PROMPT + _LEARNED * answer)
    embedded = programs * answer if "naive_semantic_entropy" in config.metrics else 0
    drawing, reading, loading = rates(drawn_by.runtime, model)
    prompts = _TIMES_READ * count + 2 * held_out
    loads = _LOADS + bool(embedded) + 2 * len(config.benchmark)
    seconds = tokens / drawing + (_BACKWARD * trained + embedded + _PROMPT * prompts) / reading + loads * loading
    return (
        f"about {timedelta(minutes=round(seconds / 60))!s} (h:mm:ss) on this machine: {tokens:,.0f} tokens to draw at "
        f"{drawing:,.0f}/s, {trained:,.0f} to train on, {reading:,.0f}/s to read ({drawn_by.runtime}), {loads} times "
        f"{loading:,.0f} s to load the model"
    )


def rates(runtime: Any, model: ModelRef) -> tuple[float, float, float]:
    """Tokens per second that all processes together draw, and read of prompts; seconds until the last one is ready."""
    with LocalExecutor(runtime.processes, runtime.threads) as workers:
        tasks = [(model, runtime.device, runtime.rows)] * runtime.processes
        found = list(workers.run(_rates, tasks))
    drawing, reading, loading = zip(*found, strict=True)
    return sum(drawing), sum(reading), max(loading)


def _rates(model: ModelRef, device: str, rows: int) -> Iterator[tuple[float, float, float]]:
    begun = time.perf_counter()
    from conself.engines.decoding import Decoding
    from conself.engines.transformers.generation import stream
    from conself.engines.transformers.ledger import Request
    from conself.engines.transformers.machine import loaded

    policy = loaded(model, device)[0]
    loading = time.perf_counter() - begun
    asks = [Request(tuple(range(first, first + _PROMPT)), tuple(range(15))) for first in range(max(1, rows // 15))]
    took = []
    for steps in (1, 1, _STEPS + 1):  # prompts are read in all; the first one also sets up kernels and memory
        start = time.perf_counter()
        list(stream(policy, asks, Decoding(1.0, 1.0, steps, 15), (), rows))
        took.append(time.perf_counter() - start)
    _, once, all_steps = took
    step = max(all_steps - once, 1e-6) / _STEPS
    yield 15 * len(asks) / step, _PROMPT * len(asks) / max(once - step, 1e-6), loading
