"""A cross-encoder for natural-language inference, which says whether one text entails another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from conself.models.auxiliary import load, longest, padded_batches
from conself.records import ModelRef
from conself.texts.encoders.policy import Runtime

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class EntailmentModel:
    """An NLI model's judgement on pairs of texts: yes, if entailment is the likeliest of its classes.

    The semantic-entropy papers use DeBERTa fine-tuned on MNLI, and put the question before each answer; programs are
    judged unchanged. Such models were trained on sentences, not code.

    Args:
        model: a folder or a hub id at its revision; loaded at the first call, once per process.
        max_tokens: pairs are cut to this many tokens, the longer text first, or to what the model takes.
        runtime: device, and tokens per batch.
    """

    model: ModelRef
    max_tokens: int
    runtime: Runtime

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Return one answer per pair (premise, hypothesis).

        Raises:
            OSError: the model cannot be found or read, in one line with the remedy.
            ValueError: not exactly one of the model's classes is called entailment; names its classes.
        """
        import torch

        if not pairs:
            return []
        model, tokenizer, label = _loaded(self.model, self.runtime.device)
        encoded = tokenizer(
            [premise for premise, _ in pairs],
            [hypothesis for _, hypothesis in pairs],
            truncation="longest_first",
            max_length=longest(tokenizer, self.max_tokens),
        )
        answers: dict[int, bool] = {}
        with torch.inference_mode():
            for batch, padded in padded_batches(tokenizer, encoded, self.runtime.token_budget):
                likeliest = model(**padded.to(model.device)).logits.argmax(dim=-1).tolist()
                answers |= zip(batch, (index == label for index in likeliest), strict=True)
        return [answers[position] for position in range(len(pairs))]


_ENTAILMENT = ("entailment", "entail", "entails")


def entailment_label(name: str, labels: Mapping[int, str]) -> int:
    """Return the index of the class named entailment, in any case; models order their classes differently.

    Raises:
        ValueError: there is none, or more than one.
    """
    indices = [index for index, label in labels.items() if label.strip().casefold() in _ENTAILMENT]
    if len(indices) != 1:
        raise ValueError(
            f"model {name!r} has the classes {', '.join(map(str, labels.values()))}: not exactly one of them is called "
            "entailment; choose a model that was fine-tuned on natural-language inference (MNLI)"
        )
    return int(indices[0])


@lru_cache(maxsize=1)
def _loaded(ref: ModelRef, device: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, int]:
    # A metric is sent to a worker again for every shard of problems: the process keeps the last model.
    from transformers import AutoModelForSequenceClassification

    model, tokenizer = load(AutoModelForSequenceClassification, ref, device)
    labels = {int(index): str(label) for index, label in (model.config.id2label or {}).items()}
    return model, tokenizer, entailment_label(ref.name, labels)
