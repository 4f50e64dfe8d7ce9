"""Tunings: which weights are trained and saved (an adapter, or all weights), and what the reference is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from conself.models.quantization import prepare_for_training
from conself.models.transformers import dtype_of, is_half, load_policy, skeleton, with_lora
from conself.sandbox.jsonlines import Json
from conself.training.policy.export import save_adapter, save_model

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig
    from torch import Tensor
    from transformers import PreTrainedModel

    from conself.records import ModelRef
    from conself.training.scorer.log_probs import Scorer


@dataclass(frozen=True)
class Policy:
    """A model prepared for training.

    ``model`` computes log-probs in ``dtype``; its parameters that require gradients are trained. It is the reference
    before the first step, and inside ``reference()`` if ``reference_stays``. ``save(folder, weights)`` writes the
    trained weights; ``weights`` are given by name, None: the current weights of ``model``.
    """

    model: PreTrainedModel
    dtype: torch.dtype
    reference: Callable[[], AbstractContextManager[None]]
    reference_stays: bool
    save: Callable[[Path, Mapping[str, Tensor] | None], None]

    @cached_property
    def scorer(self) -> Scorer:
        """Computes log-probs of response tokens by ``model``; a single instance, because devices share it."""
        from conself.training.scorer.log_probs import Scorer

        return Scorer(self.model, self.dtype)


class Tuning(Protocol):
    """Defines which weights are trained. ``folder`` is the subfolder of the fit's artifact that holds them."""

    @property
    def folder(self) -> str:
        """``adapter`` or ``model``."""
        ...

    def adapter(self) -> Mapping[str, Json] | None:
        """Return the adapter's config, with the names of PEFT's LoraConfig; None if no adapter is trained."""
        ...

    def check(self, ref: ModelRef) -> None:
        """Check that ``ref`` can be trained this way, before its weights are loaded.

        Raises:
            ValueError: it can't; with the remedy.
            OSError: there is no such model.
        """
        ...

    def __call__(self, ref: ModelRef, device: str, seed: int) -> Policy:
        """Load ``ref`` as a policy; ``seed`` determines new weights."""
        ...


@dataclass(frozen=True, slots=True)
class Lora:
    """A new LoRA adapter by PEFT on ``target`` modules, without dropout; the reference is the model without it.

    ``alpha / r`` scales the update, or with ``rslora`` ``alpha / sqrt(r)`` (arXiv 2312.03732). ``dora`` learns
    magnitude and direction of the weights separately (arXiv 2402.09353); vLLM can't serve it unmerged: merge it.

    Raises:
        ValueError: ``r`` or ``alpha`` is not above 0, or ``target`` is empty.
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
        if not self.target:
            raise ValueError("training.tuning.target is empty; name modules, such as [q_proj,v_proj], or all-linear")

    @property
    def folder(self) -> str:
        """A PEFT folder."""
        return "adapter"

    def check(self, ref: ModelRef) -> None:
        """Find the modules that ``target`` names.

        Raises:
            OSError: there is no such model.
            ValueError: a name matches no module, or a tied embedding and head: merging would change both.
        """
        if self.target == "all-linear":
            return
        from torch import nn

        model = skeleton(ref)
        names = [name for name, _ in model.named_modules() if name]
        wanted = [self.target] if isinstance(self.target, str) else self.target
        for target in wanted:
            matching = [name for name in names if _fits(name, target, isinstance(self.target, str))]
            if not matching:
                linear = {n.rpartition(".")[2]: None for n, m in model.named_modules() if isinstance(m, nn.Linear)}
                raise ValueError(
                    f"training.tuning.target: {type(model).__name__} has no module {target!r}; "
                    f"its linear layers are {', '.join(linear)}, and all-linear means all but the head"
                )
            ends = {model.get_input_embeddings(), model.get_output_embeddings()}
            if model.config.tie_word_embeddings and ends & {model.get_submodule(name) for name in matching}:
                raise ValueError(
                    f"training.tuning.target: {target!r} is embedding and head of {type(model).__name__} in one, "
                    "and an adapter would change one side only; leave it out, or choose training=full"
                )

    def __call__(self, ref: ModelRef, device: str, seed: int) -> Policy:
        """Freeze the base as loaded, and add the adapter in float32."""
        base = load_policy(ref, device)
        with_adapter = with_lora(base, self.config(), _seed(seed))
        prepare_for_training(base)
        if not self.dora and is_half(dtype_of(ref)):
            leave_casts_to_autocast(base)
        return Policy(
            model=base,
            dtype=dtype_of(ref),
            reference=with_adapter.disable_adapter,
            reference_stays=True,
            save=lambda folder, weights: save_adapter(with_adapter, ref, folder, weights),
        )

    def adapter(self) -> dict[str, Any]:
        """Return the adapter's config in PEFT's terms."""
        return {
            "r": self.r,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "target_modules": self.target,
            "use_rslora": self.rslora,
            "use_dora": self.dora,
            "task_type": "CAUSAL_LM",
        }

    def config(self) -> LoraConfig:
        """Build PEFT's config object."""
        from peft import LoraConfig

        return LoraConfig(**self.adapter())


@dataclass(frozen=True, slots=True)
class Full:
    """Trains all weights, in float32; computes in the model's own dtype, and saves in it.

    The reference is the model before the first step: its log-probs are computed then, and no copy is kept.
    """

    @property
    def folder(self) -> str:
        """A transformers folder."""
        return "model"

    def adapter(self) -> None:
        """Return None: there is no adapter."""

    def check(self, ref: ModelRef) -> None:
        """Check that the model is not quantised.

        Raises:
            ValueError: the model is quantised.
        """
        if ref.quantization is not None:
            raise ValueError(
                f"training=full trains no weights in {ref.quantization}; set model.quantization=null, or training=lora"
            )

    def __call__(self, ref: ModelRef, device: str, seed: int) -> Policy:  # noqa: ARG002  # nothing is drawn
        """Load the model in float32, with every parameter trained.

        Raises:
            ValueError: the model is quantised.
        """
        self.check(ref)
        model = load_policy(replace(ref, dtype="float32"), device).requires_grad_(True)
        dtype = dtype_of(ref)
        return Policy(
            model=model,
            dtype=dtype,
            reference=nullcontext,
            reference_stays=False,
            save=lambda folder, weights: save_model(model, ref, dtype, folder, weights),
        )


def _fits(name: str, target: str, is_pattern: bool) -> bool:
    """Return whether PEFT would match the module: by a list of name endings, or a regex for the whole name."""
    return bool(re.fullmatch(target, name)) if is_pattern else name == target or name.endswith(f".{target}")


def leave_casts_to_autocast(model: PreTrainedModel) -> None:
    """Stop PEFT from converting each input of a float32 adapter to float32, only for autocast to convert it back.

    Under autocast, in which such a policy always computes, values and gradients are the same bits.
    """
    layers: list[Any] = [module for module in model.modules() if hasattr(module, "cast_input_dtype_enabled")]
    for layer in layers:
        layer.cast_input_dtype_enabled = False


def _seed(seed: int) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(["lora", seed]).encode()).digest()[:8], "big") >> 1
