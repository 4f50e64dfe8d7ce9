"""Pool the states of a text's tokens into one vector, as configured in sentence-transformers folders."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conself.models.hub import source
from conself.records import ModelRef
from conself.sandbox.jsonlines import Json

if TYPE_CHECKING:
    from torch import Tensor

Pooling = Callable[["Tensor", "Tensor"], "Tensor"]
"""Hidden states [n, t, d] float32 and mask [n, t] of 1 and 0, padded on the right, to vectors [n, d]."""

AUTO = "auto"
_KNOWN_MODULES = ("Transformer", "Pooling", "Normalize")


def mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the text's tokens."""
    kept = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1)


def cls(hidden: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG001  # one token, whatever the length
    """Return the first token: [CLS] if the tokenizer adds one."""
    return hidden[:, 0]


def largest(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return the maximum over the text's tokens, dimension by dimension."""
    return hidden.masked_fill(mask.unsqueeze(-1) == 0, -math.inf).amax(dim=1)


def last(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return the last token, for decoders trained to embed."""
    import torch

    return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(dim=1).clamp(min=1) - 1]


POOLINGS: Mapping[str, Pooling] = {"mean": mean, "cls": cls, "max": largest, "last": last}
"""By the name that a config gives them."""
_FLAGS = {"mean_tokens": "mean", "cls_token": "cls", "max_tokens": "max", "lasttoken": "last"}


@dataclass(frozen=True)
class SentenceSettings:
    """The settings of a sentence-transformers folder: its pooling's name, and its limit of tokens or None."""

    pooling: str
    max_tokens: int | None


def sentence_settings(ref: ModelRef) -> SentenceSettings | None:
    """Read the settings of a model in the sentence-transformers layout; None for a plain one.

    Raises:
        ValueError: the model has unsupported modules or pooling.
    """
    modules = _read(ref, "modules.json")
    if modules is None:
        return None
    kinds = {module["type"].rsplit(".", 1)[-1]: module for module in modules}
    if unknown := sorted(kinds.keys() - set(_KNOWN_MODULES)):
        raise ValueError(
            f"encoder {ref.name!r} has the modules {', '.join(unknown)} after its transformer, unknown here; "
            f"choose one of {', '.join(_KNOWN_MODULES)} only"
        )
    limit = _read(ref, "sentence_bert_config.json") or {}
    pooling = _read(ref, f"{kinds['Pooling']['path']}/config.json") if "Pooling" in kinds else None
    return SentenceSettings("mean" if pooling is None else _name(ref, pooling), limit.get("max_seq_length"))


def _name(ref: ModelRef, config: Mapping[str, Json]) -> str:
    flags = [key.removeprefix("pooling_mode_") for key, on in config.items() if key.startswith("pooling_mode_") and on]
    stated = config.get("pooling_mode")  # newer folders have one name, older ones a flag for each
    names = [stated] if isinstance(stated, str) else list(map(str, stated)) if isinstance(stated, list) else flags
    pooling_names = [_FLAGS.get(name, name) for name in names]
    if len(pooling_names) != 1 or pooling_names[0] not in POOLINGS:
        raise ValueError(
            f"encoder {ref.name!r} pools by {' and '.join(names) or 'nothing'}, which is not known here; "
            f"set its pooling to one of {', '.join(POOLINGS)} instead of {AUTO}"
        )
    return pooling_names[0]


def _read(ref: ModelRef, name: str) -> Any:
    from transformers.utils.hub import cached_file

    place, where = source(ref)
    path = cached_file(place, name, **where, _raise_exceptions_for_missing_entries=False)
    return None if path is None else json.loads(Path(path).read_text())
