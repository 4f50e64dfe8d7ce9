"""Quantise base models by bitsandbytes (extra ``quantized``): less memory for a little accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_KINDS: dict[str, dict[str, Any]] = {
    "nf4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True},
    "int8": {"load_in_8bit": True, "llm_int8_threshold": 0.0},
}
"""No outlier columns in ``int8``: they are looked for in a whole batch, so that a sample's values would depend on its
neighbours, and a reference computed in other micro-batches would not be the policy's."""


def quantized(kind: str | None, dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    """Return transformers' options for linear layers, except the head, in 8 or 4 bits on ``device``; none for None.

    ``nf4`` is QLoRA's 4-bit normal float, with quantised scales, and computes in ``dtype``; ``int8`` scales each row of
    weights and activations separately.

    Raises:
        ValueError: another kind, or bitsandbytes is not installed.
    """
    if kind is None:
        return {}
    check_quantization(kind)
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(**_KINDS[kind], bnb_4bit_compute_dtype=dtype)
    return {"quantization_config": config, "device_map": {"": device}}


def check_quantization(kind: str | None) -> None:
    """Check the kind of quantization before a model is loaded.

    Raises:
        ValueError: ``kind`` is unknown, or bitsandbytes is not installed.
    """
    if kind is None:
        return
    if kind not in _KINDS:
        raise ValueError(f"model.quantization must be null or one of {', '.join(_KINDS)}, got {kind!r}")
    from transformers.utils.import_utils import is_bitsandbytes_available

    if not is_bitsandbytes_available():
        raise ValueError(
            f"model.quantization={kind} needs bitsandbytes: pip install 'conself[quantized]', "
            "or set model.quantization=null"
        )


def prepare_for_training(model: PreTrainedModel) -> None:
    """Make quantised layers compute the same with and without gradients, before anything is computed.

    On a CPU they would convert their weights to a forward-only form in the first pass without gradients (that of the
    reference). Nothing else depends on the mode that is set on them.
    """
    if getattr(model, "is_quantized", False):
        from bitsandbytes.nn import Linear4bit, Linear8bitLt  # an extra: there when something is quantised

        for module in model.modules():
            if isinstance(module, Linear4bit | Linear8bitLt):
                module.training = True
