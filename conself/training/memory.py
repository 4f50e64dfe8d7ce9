"""What a training holds in memory whatever it reads: told before any work, and refused where it cannot fit."""

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
    """What weights, gradients and optimiser hold, in words; None where it is little, or shared among devices.

    Activations come on top; they depend on the token budget. A quantised base is left to bitsandbytes.

    Raises:
        OSError: there is no such model.
        ValueError: it is more than there is free; with the remedy.
    """
    if training.runtime.devices > 1 or model.quantization is not None:
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
    """Whether training holds so much that its process should end with it: not all of it comes back otherwise."""
    return held_bytes(model, training) >= LARGE


def held_bytes(model: ModelRef, training: Training) -> int:
    """Bytes of the base's weights, with gradients and moments where all are trained; an adapter's are left out."""
    parameters = skeleton(model).num_parameters()
    return parameters * (_TRAINED if training.tuning.adapter() is None else dtype_of(model).itemsize)


def free_bytes(device: str) -> int:
    """Free memory of the device: a GPU's own, or what the kernel and a container's limit leave to processes."""
    import torch

    place = device_of(device)
    if place.type == "cuda":
        return int(torch.cuda.mem_get_info(place)[0])
    return runtime.free_bytes()
