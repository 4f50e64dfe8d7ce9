"""Models beside the policy that judge texts: loaded from a folder or from the hub, at the revision that keys name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from conself.models.hub import source
from conself.models.quantization import quantized
from conself.models.transformers import device_of, dtype_of
from conself.records import ModelRef

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load(loader: Any, ref: ModelRef, device: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model in eval mode on ``device`` and its own tokenizer, padding on the right.

    Args:
        loader: a class of transformers with ``from_pretrained``: what head the model is to have.
        ref: its revision is that of a hub id; adapters are for policies.
        device: ``auto`` or a torch device.

    Raises:
        OSError: the model cannot be found or read, in one line with the remedy.
        ValueError: ``ref`` has an adapter, or a dtype or quantization that there is not.
    """
    from transformers import AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    if ref.adapter is not None:
        raise ValueError(f"model {ref.name!r} judges texts and takes no adapter; set its adapter to null, or merge it")
    place, (name, where) = device_of(device), source(ref)
    options = {"dtype": dtype_of(ref), "attn_implementation": ref.attention}
    options |= quantized(ref.quantization, dtype_of(ref), place)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(name, **where)
        model: PreTrainedModel = loader.from_pretrained(name, **where, **options)
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise OSError(
            f"cannot load model {ref.name!r} (revision {ref.revision}) as {loader.__name__}: {cause}; "
            "check its name, and that the hub is reachable or the folder complete"
        ) from error
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if ref.quantization is None:
        model.to(place)  # type: ignore[arg-type]  # transformers wraps Module.to
    return model.eval(), tokenizer


def longest(tokenizer: PreTrainedTokenizerBase, *limits: int) -> int:
    """Tokens a text is cut to: the least of what is asked for and of what the tokenizer says that the model takes."""
    return int(min(tokenizer.model_max_length, *limits))


def batches(count: int, size: int) -> list[slice]:
    """``count`` items cut into slices of ``size``."""
    return [slice(start, start + size) for start in range(0, count, size)]
