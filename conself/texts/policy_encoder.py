"""An encoder of texts that needs no second model: the policy's own hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from conself.models.transformers import load_policy, load_tokenizer
from conself.records import ModelRef

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Runtime:
    """What changes an encoder's speed, not its result: the torch ``device`` (or ``auto``) and texts per batch."""

    device: str
    batch_size: int


@dataclass(frozen=True)
class PolicyEncoder:
    """The policy as its own encoder, so that no second model is needed: mean of the last hidden states of a text.

    Args:
        model: the policy; loaded at the first call, once per process.
        max_tokens: texts are cut to this many tokens.
        runtime: device and batch size.
    """

    model: ModelRef
    max_tokens: int
    runtime: Runtime

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings [n, d] float32; an empty text is embedded as a blank."""
        size = self.runtime.batch_size
        batches = [texts[start : start + size] for start in range(0, len(texts), size)]
        return np.concatenate([self._embed(batch) for batch in batches])

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import torch

        policy, tokenizer = _loaded(self.model, self.runtime.device)
        batch = tokenizer(
            [text or " " for text in texts],
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=self.max_tokens,
            add_special_tokens=False,
        ).to(policy.device)
        mask = batch["attention_mask"]
        with torch.inference_mode():
            hidden = policy.base_model(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state.float()
            kept = mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1)
            result: NDArray[np.float32] = mean.cpu().numpy()
        return result


@lru_cache(maxsize=1)
def _loaded(model: ModelRef, device: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    # A metric is shipped to a worker anew for every shard of problems: the last model stays with the process.
    return load_policy(model, device), load_tokenizer(model)
