"""Draw responses from a model in training, between two steps."""

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
from conself.models.transformers import is_half, load_tokenizer, stop_token_ids
from conself.records import ModelRef
from conself.training.policy.tuning import Policy

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def draw(
    policy: Policy, ref: ModelRef, requests: Sequence[Request], how: Decoding, batch_size: int
) -> list[list[Completion]]:
    """Draw a completion of every request for each of its seeds, from the current weights.

    ``ref`` is the trained model: its tokenizer defines the end of turns, and its attention is used. Nothing is merged,
    and the layout's set-up for training is restored afterwards. At most ``batch_size`` rows are decoded at once.

    Raises:
        ValueError: a prompt has no token, or sampling does not support the model's attention.
    """
    tokenizer = _tokenizer(ref)
    stops = StopStrings(tokenizer, how.stop)
    autocast = torch.autocast(policy.model.device.type, dtype=policy.dtype, enabled=is_half(policy.dtype))
    with _drawing(policy.model, ref.attention), autocast:  # as the learner computes log-probs
        return list(stream(policy.model, requests, how, stop_token_ids(policy.model, tokenizer), batch_size, stops))


@lru_cache(maxsize=1)
def _tokenizer(ref: ModelRef) -> PreTrainedTokenizerBase:
    return load_tokenizer(ref)


@contextmanager
def _drawing(model: PreTrainedModel, attention: str) -> Iterator[None]:
    """Switch to plain attention without recomputing layers, which would keep no keys and values."""
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
