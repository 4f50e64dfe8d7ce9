"""What is trained, what the reference is, and what is saved: an adapter, or all weights."""

import errno
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from peft import LoraConfig, PeftModel
from safetensors import SafetensorError
from torch import Tensor
from transformers import PreTrainedModel

from conself.models import dtype_of, load_policy, load_tokenizer, with_lora
from conself.quantization import prepare_for_training
from conself.records import ModelRef


@dataclass(frozen=True)
class Policy:
    """A model made ready for training.

    ``model`` computes log-probs in ``dtype``; its parameters that require gradients are those to train. Before the
    first step, and inside ``reference()`` wherever ``reference_stays``, it is the reference. ``save(folder, weights)``
    writes what was trained; ``weights`` are the model's by their names, None: as they stand in ``model``.
    """

    model: PreTrainedModel
    dtype: torch.dtype
    reference: Callable[[], AbstractContextManager[None]]
    reference_stays: bool
    save: Callable[[Path, Mapping[str, Tensor] | None], None]


class Tuning(Protocol):
    """Which weights are trained. ``folder`` names the part of the fit's artifact that holds them."""

    @property
    def folder(self) -> str:
        """``adapter`` or ``model``."""
        ...

    def __call__(self, ref: ModelRef, device: str, seed: int) -> Policy:
        """Load ``ref`` and make it a policy; ``seed`` draws what is new in it."""
        ...


@dataclass(frozen=True, slots=True)
class Lora:
    """A fresh LoRA adapter by PEFT on ``target`` modules, without dropout; the reference is the model without it.

    ``alpha / r`` scales the update, or with ``rslora`` ``alpha / sqrt(r)`` (arXiv 2312.03732). ``dora`` learns size and
    direction of the weights apart (arXiv 2402.09353); vLLM can't serve it beside its base: save it with export=merged.

    Raises:
        ValueError: ``r`` or ``alpha`` is not above 0.
    """

    r: int
    alpha: int
    target: str | list[str]
    rslora: bool
    dora: bool

    def __post_init__(self) -> None:
        for name in ("r", "alpha"):
            if not getattr(self, name) > 0:
                raise ValueError(f"training.tuning.{name} is {getattr(self, name)}; it must be above 0")

    @property
    def folder(self) -> str:
        """A PEFT folder."""
        return "adapter"

    def __call__(self, ref: ModelRef, device: str, seed: int) -> Policy:
        """The base frozen, as it was loaded; the adapter in float32."""
        base = load_policy(ref, device)
        with_adapter = with_lora(base, self.config(), _seed(seed))
        prepare_for_training(base)
        return Policy(
            model=base,
            dtype=dtype_of(ref),
            reference=with_adapter.disable_adapter,
            reference_stays=True,
            save=lambda folder, weights: save_adapter(with_adapter, ref, folder, weights),
        )

    def config(self) -> LoraConfig:
        """The same for PEFT."""
        return LoraConfig(
            r=self.r,
            lora_alpha=self.alpha,
            lora_dropout=0.0,
            target_modules=self.target,
            use_rslora=self.rslora,
            use_dora=self.dora,
            task_type="CAUSAL_LM",
        )


@dataclass(frozen=True, slots=True)
class Full:
    """All weights, kept and updated in float32 and computed in the model's own dtype, saved in that dtype.

    The reference is the model before the first step: its log-probs are worked out then, and no copy is kept.
    """

    @property
    def folder(self) -> str:
        """A transformers folder."""
        return "model"

    def __call__(self, ref: ModelRef, device: str, seed: int) -> Policy:  # noqa: ARG002  # nothing is drawn
        """The model in float32, every parameter trained.

        Raises:
            ValueError: the model is quantised.
        """
        if ref.quantization is not None:
            raise ValueError(
                f"training=full trains no weights in {ref.quantization}; set model.quantization=null, or training=lora"
            )
        model = load_policy(replace(ref, dtype="float32"), device).requires_grad_(True)
        dtype = dtype_of(ref)
        return Policy(
            model=model,
            dtype=dtype,
            reference=nullcontext,
            reference_stays=False,
            save=lambda folder, weights: save_model(model, ref, dtype, folder, weights),
        )


def save_adapter(policy: PeftModel, model: ModelRef, out: Path, weights: Mapping[str, Tensor] | None) -> None:
    """Write adapter_model.safetensors and adapter_config.json, which names the base model as ``model`` does.

    Raises:
        OSError: the folder cannot be written.
    """
    config = policy.peft_config["default"]
    config.base_model_name_or_path, config.revision = model.name, model.revision
    if isinstance(config, LoraConfig) and isinstance(config.target_modules, set):
        # A set's order changes from process to process, and with it the file's bytes; peft takes lists as well.
        config.target_modules = sorted(config.target_modules)
    state = None if weights is None else {f"base_model.model.{name}": value for name, value in weights.items()}
    _write(lambda: policy.save_pretrained(str(out), save_embedding_layers=False, state_dict=state), out)


def save_model(
    model: PreTrainedModel, ref: ModelRef, dtype: torch.dtype, out: Path, weights: Mapping[str, Tensor] | None
) -> None:
    """Write ``model`` in ``dtype`` with the tokenizer of ``ref``, as a folder that transformers and vLLM load.

    Raises:
        OSError: the folder cannot be written.
    """
    state = model.state_dict() if weights is None else weights
    before = model.config.dtype
    model.config.dtype = dtype
    try:
        _write(lambda: model.save_pretrained(str(out), state_dict={n: w.to(dtype) for n, w in state.items()}), out)
    finally:
        model.config.dtype = before
    load_tokenizer(ref).save_pretrained(str(out))


def _write(save: Callable[[], object], out: Path) -> None:
    try:
        save()
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))  # the system's error is in its text only
        code = int(number[1]) if number else errno.EIO
        raise OSError(code, f"cannot write the trained weights to {out}: {error}") from error


def _seed(seed: int) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(["lora", seed]).encode()).digest()[:8], "big") >> 1
