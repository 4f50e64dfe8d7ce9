"""How long a round takes: from a few seconds of drawing and reading with its own model on this machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.datasets.validation import sift
from conself.engines.transformers.speed import PROMPT, speeds
from conself.pipelines.parts import asking
from conself.records import ModelRef
from conself.samplers.guided import Guided

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
    trained = config.training.epochs * _KEPT * count * (PROMPT + _LEARNED * answer)
    embedded = programs * answer if "naive_semantic_entropy" in config.metrics else 0
    runtime: Any = drawn_by.runtime
    speed = speeds(model, [runtime])[0]
    prompts = _TIMES_READ * count + 2 * held_out
    loads = _LOADS + bool(embedded) + 2 * len(config.benchmark)
    read = _BACKWARD * trained + embedded + PROMPT * prompts
    seconds = tokens / speed.drawing + read / speed.reading + loads * speed.loading
    return (
        f"about {timedelta(minutes=round(seconds / 60))!s} (h:mm:ss) on this machine: {tokens:,.0f} tokens to draw at "
        f"{speed.drawing:,.0f}/s, {trained:,.0f} to train on, {speed.reading:,.0f}/s to read ({runtime}), "
        f"{loads} times {speed.loading:,.0f} s to load the model"
    )
