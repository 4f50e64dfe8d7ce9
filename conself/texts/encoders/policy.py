"""An encoder of texts that needs no second model: the policy's own hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from conself.models.auxiliary import padded_batches
from conself.models.transformers import load_policy, load_tokenizer
from conself.records import ModelRef
from conself.texts.pooling import mean

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Runtime:
    """Settings that change a model's speed, not its result.

    Args:
        device: of torch, or ``auto``.
        token_budget: the most tokens per batch, including padding; a longer text is a batch by itself.

    Raises:
        ValueError: ``token_budget`` is below 1.
    """

    device: str
    token_budget: int

    def __post_init__(self) -> None:
        if self.token_budget < 1:
            raise ValueError(f"runtime.token_budget must be at least 1, got {self.token_budget}")


@dataclass(frozen=True)
class PolicyEncoder:
    """The policy as its own encoder, so that no second model is needed: mean of the last hidden states of a text.

    Args:
        model: the policy; loaded at the first call, once per process.
        max_tokens: texts are cut to this many tokens.
        runtime: device, and tokens per batch.
    """

    model: ModelRef
    max_tokens: int
    runtime: Runtime

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Compute embeddings [n, d] float32; an empty text is embedded as a blank."""
        import torch

        policy, tokenizer = _loaded(self.model, self.runtime.device)
        texts = [text or " " for text in texts]
        ids = tokenizer(texts, truncation=True, max_length=self.max_tokens, add_special_tokens=False)["input_ids"]
        rows = np.empty((len(texts), policy.config.get_text_config().hidden_size), np.float32)
        with torch.inference_mode():
            for batch, padded in padded_batches(tokenizer, {"input_ids": ids}, self.runtime.token_budget):
                # Causal attention never sees the padding on the right: no mask, which would take a slower kernel.
                tokens, mask = padded["input_ids"].to(policy.device), padded["attention_mask"].to(policy.device)
                hidden = policy.base_model(input_ids=tokens, use_cache=False).last_hidden_state
                rows[batch] = mean(hidden.float(), mask).cpu().numpy()
        return rows


@lru_cache(maxsize=1)
def _loaded(model: ModelRef, device: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    # A metric is sent to a worker again for every shard of problems: the process keeps the last model.
    return load_policy(model, device), load_tokenizer(model)
