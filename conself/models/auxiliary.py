"""Auxiliary models that judge texts: loaded from a folder or from the hub, at the revision in keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from conself.models.hub import source
from conself.models.quantization import quantized
from conself.models.transformers import device_of, dtype_of, load_config
from conself.records import ModelRef

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase


def load(loader: Any, ref: ModelRef, device: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a model in eval mode on ``device`` and its tokenizer, padding on the right.

    Args:
        loader: a class of transformers with ``from_pretrained``, which determines the model's head.
        ref: its revision is that of a hub id; adapters are for policies.
        device: ``auto`` or a torch device.

    Raises:
        OSError: the model cannot be found or read, in one line with the remedy.
        ValueError: ``ref`` has an adapter, or an unknown dtype or quantization.
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
    """Return the number of tokens that texts are cut to: the requested one, or the tokenizer's limit if it is lower."""
    return int(min(tokenizer.model_max_length, *limits))


def packed(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Group texts of similar length into batches, the longest first; return the positions of each batch's texts.

    Args:
        lengths: tokens per text.
        token_budget: the most tokens of a batch, including padding; a longer text is a batch by itself.
    """
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= token_budget:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches


def padded_batches(
    tokenizer: PreTrainedTokenizerBase, encoded: Mapping[str, Sequence[list[int]]], token_budget: int
) -> Iterator[tuple[list[int], BatchEncoding]]:
    """Batch a tokenizer's unpadded texts by :func:`packed`, padded on the right.

    Yields the positions of a batch's texts and its tensors [n, t].
    """
    tokenizer.padding_side = "right"
    for batch in packed([len(ids) for ids in encoded["input_ids"]], token_budget):
        rows = {name: [values[i] for i in batch] for name, values in encoded.items()}
        yield batch, tokenizer.pad(rows, return_tensors="pt")


def parameters(ref: ModelRef) -> int:
    """Count a model's parameters, without its head, from its settings alone: no weights are read.

    Raises:
        OSError: the settings cannot be read.
    """
    import torch
    from transformers import AutoModel

    with torch.device("meta"):
        model: PreTrainedModel = AutoModel.from_config(load_config(ref))
    return model.num_parameters()
