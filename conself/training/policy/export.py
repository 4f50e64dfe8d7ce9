"""Trained weights as folders that peft, transformers and vLLM load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import copymode
from typing import TYPE_CHECKING

from conself.models.transformers import dtype_of, load_policy, load_tokenizer
from conself.records import ModelRef
from conself.training.policy.disk import disk_errors

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from torch import Tensor
    from transformers import GenerationConfig, PreTrainedModel

MERGED = "merged"
ADAPTER = "adapter"
EXPORTS = (ADAPTER, MERGED)
"""The values of ``training.export``: an adapter alone, or whole weights, with their adapter if there is one."""


def save_adapter(policy: PeftModel, model: ModelRef, out: Path, weights: Mapping[str, Tensor] | None) -> None:
    """Write adapter_model.safetensors and adapter_config.json, with the base model's name from ``model``.

    Raises:
        OSError: the folder cannot be written.
    """
    from peft import LoraConfig

    config = policy.peft_config["default"]
    config.base_model_name_or_path, config.revision = model.name, model.revision
    if isinstance(config, LoraConfig) and isinstance(config.target_modules, set):
        # A set's order changes from process to process, and with it the file's bytes; peft takes lists as well.
        config.target_modules = sorted(config.target_modules)
    state = None if weights is None else {f"base_model.model.{name}": value for name, value in weights.items()}
    with disk_errors(out):
        policy.save_pretrained(str(out), save_embedding_layers=False, state_dict=state)
        _readable_as(out / "adapter_config.json")


def save_model(
    model: PreTrainedModel, ref: ModelRef, dtype: torch.dtype, out: Path, weights: Mapping[str, Tensor] | None
) -> None:
    """Write ``model`` in ``dtype`` with the tokenizer of ``ref``, as a folder that transformers and vLLM load.

    Raises:
        OSError: the folder cannot be written.
    """
    if model.generation_config is not None:
        model.generation_config = _savable(model.generation_config)
    state = _converted(model, model.state_dict() if weights is None else weights, dtype)
    with disk_errors(out):
        model.save_pretrained(str(out), state_dict=state)
    before = model.config.dtype
    model.config.dtype = dtype  # save_pretrained has written that of ``model``
    model.config.save_pretrained(str(out))
    model.config.dtype = before
    load_tokenizer(ref).save_pretrained(str(out))
    _readable_as(out / "config.json")


def save_merged(ref: ModelRef, adapter: Path, out: Path) -> None:
    """Merge the LoRA adapter in folder ``adapter`` into ``ref`` and write the whole model to ``out``.

    The base is loaded once more, in its own dtype, into CPU memory. Each matrix is merged in float32 and rounded once,
    so that there is never a second full copy. The same inputs give the same bytes.

    Raises:
        OSError: the model or the adapter cannot be read, or the folder cannot be written.
        ValueError: the base is quantised.
    """
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer

    check_mergeable(ref)
    base = load_policy(replace(ref, adapter=None, attention="eager"), "cpu")  # attention plays no part
    merged = PeftModel.from_pretrained(base, str(adapter), autocast_adapter_dtype=True)
    for layer in [module for module in merged.modules() if isinstance(module, LoraLayer)]:
        matrix = layer.get_base_layer()
        matrix.float()
        layer.merge(safe_merge=True)
        matrix.to(dtype_of(ref))
    save_model(merged.unload(), ref, dtype_of(ref), out, None)


def check_mergeable(ref: ModelRef) -> None:
    """Check that an adapter can be merged into the base's weights.

    Raises:
        ValueError: the base is quantised.
    """
    if ref.quantization is not None:
        raise ValueError(
            f"training.export=merged needs whole weights, and model.quantization={ref.quantization} has none; "
            "set training.export=adapter, or model.quantization=null"
        )


def _converted(model: PreTrainedModel, weights: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Convert the weights to ``dtype`` on the CPU, which holds no optimiser state.

    A matrix with two names (a tied head and embedding) is kept under the first, as the model itself is stored. Integers
    (counters, tables) are not converted.
    """
    first: dict[int, str] = {}
    names = {name: first.setdefault(id(p), name) for name, p in model.named_parameters(remove_duplicate=False)}
    return {
        name: weight.detach().to("cpu", dtype if weight.is_floating_point() else weight.dtype)
        for name, weight in weights.items()
        if names.get(name, name) == name
    }


def _readable_as(config: Path) -> None:
    """Give the weights the read permissions of ``config`` beside them: safetensors writes them for their owner only."""
    for weights in config.parent.glob("*.safetensors"):
        copymode(config, weights)


def _savable(config: GenerationConfig) -> GenerationConfig:
    """Return the generation config, without its sampling settings if transformers would refuse to write them."""
    try:
        config.validate(strict=True)
    except ValueError:
        from transformers import GenerationConfig

        ids = {name: getattr(config, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
        return GenerationConfig(**ids)
    return config
