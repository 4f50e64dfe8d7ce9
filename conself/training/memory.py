"""The memory that a training run always holds: reported before any work, an error if it cannot fit."""

from __future__ import annotations

from conself.models.transformers import device_of, dtype_of, skeleton
from conself.records import ModelRef
from conself.runtime import memory as runtime
from conself.training.settings import Training

_TRAINED = 16
"""Bytes of a weight that is trained: itself, its gradient and AdamW's two moments, all in float32."""
LARGE = 1e9
"""Bytes from which on a model is worth a line, and a process of its own: to start one takes some ten seconds."""


def check_memory(model: ModelRef, training: Training) -> str | None:
    """Describe the memory for weights, gradients and optimiser; None if it is little, or shared among devices.

    Activations come on top; they depend on the token budget. A quantised base is left to bitsandbytes.

    Raises:
        OSError: there is no such model.
        ValueError: it exceeds the free memory; with the remedy.
    """
    if training.runtime.processes > 1 or model.quantization is not None:
        return None
    held, free = held_bytes(model, training), free_bytes(training.runtime.device)
    whole = training.tuning.adapter() is None
    what = "weights, gradients and AdamW's moments in float32" if whole else f"the frozen weights in {model.dtype}"
    if held > free:
        remedy = "choose training=lora, or a smaller model" if whole else "choose a smaller model, or a 16-bit dtype"
        raise ValueError(f"training holds {held / 1e9:.1f} GB ({what}), and {free / 1e9:.1f} GB are free; {remedy}")
    if held < LARGE:
        return None
    return f"training holds {held / 1e9:.1f} GB ({what}) of {free / 1e9:.1f} GB free, and activations"


def is_large(model: ModelRef, training: Training) -> bool:
    """Return whether training needs so much memory that it should run in its own process, to free all of it."""
    return held_bytes(model, training) >= LARGE


def held_bytes(model: ModelRef, training: Training) -> int:
    """Compute the bytes of the base's weights, plus gradients and moments if all are trained; adapters are ignored."""
    parameters = skeleton(model).num_parameters()
    return parameters * (_TRAINED if training.tuning.adapter() is None else dtype_of(model).itemsize)


def free_bytes(device: str) -> int:
    """Return the free memory of the device, in bytes: a GPU's, or what the kernel and a container's limit allow."""
    import torch

    place = device_of(device)
    if place.type == "cuda":
        return int(torch.cuda.mem_get_info(place)[0])
    return runtime.free_bytes()
