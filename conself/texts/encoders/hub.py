"""An encoder of texts from the Hugging Face hub or a folder: a sentence model, or any model with hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from conself.models.auxiliary import load, longest, padded_batches
from conself.records import ModelRef
from conself.texts.encoders.policy import Runtime
from conself.texts.pooling import AUTO, POOLINGS, SentenceSettings, sentence_settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class HubEncoder:
    """Unit-length embeddings by a second model: its last hidden states, pooled over the text's tokens.

    Args:
        model: a folder or a hub id at its revision; loaded at the first call, once per process.
        pooling: ``mean``, ``cls``, ``max``, ``last``; ``auto``: as in sentence-transformers' files, else mean.
        max_tokens: texts are cut to this many tokens, or to the model's limit if it is lower.
        runtime: device, and tokens per batch.

    Raises:
        ValueError: there is no such pooling.
    """

    model: ModelRef
    pooling: str
    max_tokens: int
    runtime: Runtime

    def __post_init__(self) -> None:
        if self.pooling not in (AUTO, *POOLINGS):
            raise ValueError(f"encoder.pooling must be one of {', '.join((AUTO, *POOLINGS))}, got {self.pooling!r}")

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Compute embeddings [n, d] float32 of length 1; an empty text is embedded as a blank.

        Raises:
            OSError: the model cannot be found or read, in one line with the remedy.
            ValueError: the model's own settings are not supported.
        """
        import torch

        model, tokenizer, own = _loaded(self.model, self.runtime.device)
        limits = (self.max_tokens,) if own is None or own.max_tokens is None else (self.max_tokens, own.max_tokens)
        pooling = POOLINGS[self.pooling if self.pooling != AUTO else "mean" if own is None else own.pooling]
        encoded = tokenizer([text or " " for text in texts], truncation=True, max_length=longest(tokenizer, *limits))
        rows: dict[int, NDArray[np.float32]] = {}
        with torch.inference_mode():
            for batch, padded in padded_batches(tokenizer, encoded, self.runtime.token_budget):
                inputs = padded.to(model.device)
                vectors = pooling(model(**inputs).last_hidden_state.float(), inputs["attention_mask"])
                rows |= zip(batch, torch.nn.functional.normalize(vectors, dim=1).cpu().numpy(), strict=True)
        return np.stack([rows[position] for position in range(len(texts))])


@lru_cache(maxsize=1)
def _loaded(model: ModelRef, device: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, SentenceSettings | None]:
    # A metric is sent to a worker again for every shard of problems: the process keeps the last model.
    from transformers import AutoModel

    encoder, tokenizer = load(AutoModel, model, device)
    encoder.config.use_cache = False  # a decoder would keep keys and values for tokens that never come
    return encoder, tokenizer, sentence_settings(model)
