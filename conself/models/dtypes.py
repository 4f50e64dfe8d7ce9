"""Resolve ``model.dtype=auto`` by this machine's instruction set or GPU, before any key is derived."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from conself.records import ModelRef
from conself.runtime.plain import settings_of
from conself.sandbox.jsonlines import Json

_AUTO = "auto"
_MODEL_REF = f"{ModelRef.__module__}.{ModelRef.__qualname__}"
_UNITS = ("amx_bf16", "avx512_bf16")
"""Of x86 processors: with one of these 16 bits are several times faster than 32, without them slower."""
_DRIVER = Path("/proc/driver/nvidia")


def with_dtypes(config: DictConfig) -> tuple[DictConfig, str | None]:
    """Replace every model's ``auto`` by a dtype, and return a line with the choice and its reason, or None.

    The processor decides if all parts run on it (``device: cpu``) or there is no GPU.
    """
    plain = settings_of(config)
    if not any(model["dtype"] == _AUTO for model in _models(plain)):
        return config, None
    on_cpu = all(device == "cpu" for device in _devices(plain))
    dtype, why = of_processor(_flags()) if on_cpu or not gpu_driver() else of_gpu()
    for model in _models(plain):
        if model["dtype"] == _AUTO:
            model["dtype"] = dtype
    chosen = OmegaConf.create(plain)
    assert isinstance(chosen, DictConfig)
    return chosen, f"model.dtype=auto is {dtype} here: {why}"


def gpu_driver() -> bool:
    """Return whether the machine has an NVIDIA driver, without importing torch, which takes seconds."""
    return _DRIVER.exists()


def of_processor(flags: set[str]) -> tuple[str, str]:
    """Return the dtype for a processor with the instruction sets ``flags`` (Linux's names), and the reason."""
    units = [name for name in _UNITS if name in flags]
    if units:
        return "bfloat16", f"the processor has {units[0]}"
    return "float32", f"the processor has neither {' nor '.join(_UNITS)}"


def of_capability(major: int, minor: int) -> tuple[str, str]:
    """Return the dtype for a GPU of that compute capability, and the reason: bfloat16 needs Ampere (8.0)."""
    return "bfloat16" if major >= 8 else "float16", f"the GPU's compute capability is {major}.{minor}"


def of_gpu() -> tuple[str, str]:
    """Return the dtype for the first GPU, or for the processor if torch cannot use a GPU."""
    import torch

    if not torch.cuda.is_available():
        return of_processor(_flags())
    return of_capability(*torch.cuda.get_device_capability())


def _flags() -> set[str]:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    return next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), set())


def _models(node: Json) -> list[dict[str, Json]]:
    values = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    own = [node] if isinstance(node, dict) and node.get("_target_") == _MODEL_REF else []
    return [*own, *(model for value in values for model in _models(value))]


def _devices(node: Json) -> list[str]:
    if isinstance(node, list):
        return [device for value in node for device in _devices(value)]
    if not isinstance(node, dict):
        return []
    device = node.get("device")
    own = [device] if isinstance(device, str) else []
    return [*own, *(device for value in node.values() for device in _devices(value))]
