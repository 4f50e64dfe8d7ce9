"""Responses drawn from a model in training, as it is between two steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from conself.engines.decoding import Decoding
from conself.engines.stop_strings import StopStrings
from conself.engines.transformers.generation import stream
from conself.engines.transformers.ledger import Completion, Request
from conself.models.transformers import load_tokenizer, stop_token_ids
from conself.records import ModelRef
from conself.training.policy.tuning import Policy

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def draw(
    policy: Policy, ref: ModelRef, requests: Sequence[Request], how: Decoding, batch_size: int
) -> list[list[Completion]]:
    """Completions of every request, one for each of its seeds, drawn by the weights as they are now.

    ``ref`` is the model that is trained: its tokenizer knows where turns end, and its attention draws. Nothing is
    merged, and what a layout has set up for training is as before afterwards. At most ``batch_size`` rows go at once.

    Raises:
        ValueError: a prompt has no token, or the model attends in a way that sampling cannot do.
    """
    tokenizer = _tokenizer(ref)
    stops = StopStrings(tokenizer, how.stop)
    half = policy.dtype in (torch.bfloat16, torch.float16)
    autocast = torch.autocast(policy.model.device.type, dtype=policy.dtype, enabled=half)
    with _drawing(policy.model, ref.attention), autocast:  # as the learner computes log-probs
        return list(stream(policy.model, requests, how, stop_token_ids(policy.model, tokenizer), batch_size, stops))


@lru_cache(maxsize=1)
def _tokenizer(ref: ModelRef) -> PreTrainedTokenizerBase:
    return load_tokenizer(ref)


@contextmanager
def _drawing(model: PreTrainedModel, attention: str) -> Iterator[None]:
    """Plain attention, and no layer that recomputes: such a layer keeps no keys and values."""
    chosen = model.config._attn_implementation
    recomputing = [module for module in model.modules() if module.training]
    model.set_attn_implementation(attention)
    for module in recomputing:
        module.training = False
    try:
        yield
    finally:
        for module in recomputing:
            module.training = True
        model.set_attn_implementation(chosen)
