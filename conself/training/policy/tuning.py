"""What is trained, what the reference is, and what is saved: an adapter, or all weights."""

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
from conself.models.transformers import dtype_of, load_policy, skeleton, with_lora
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

    @cached_property
    def scorer(self) -> Scorer:
        """Log-probs of response tokens by ``model``; the one and only, for it is this that devices share."""
        from conself.training.scorer.log_probs import Scorer

        return Scorer(self.model, self.dtype)


class Tuning(Protocol):
    """Which weights are trained. ``folder`` names the part of the fit's artifact that holds them."""

    @property
    def folder(self) -> str:
        """``adapter`` or ``model``."""
        ...

    def adapter(self) -> Mapping[str, Json] | None:
        """The adapter that it trains, by the names of PEFT's LoraConfig; None where it trains none."""
        ...

    def check(self, ref: ModelRef) -> None:
        """Look whether ``ref`` can be trained so, before its weights are loaded.

        Raises:
            ValueError: it can't; with the remedy.
            OSError: there is no such model.
        """
        ...

    def __call__(self, ref: ModelRef, device: str, seed: int) -> Policy:
        """Load ``ref`` and make it a policy; ``seed`` draws what is new in it."""
        ...


@dataclass(frozen=True, slots=True)
class Lora:
    """A fresh LoRA adapter by PEFT on ``target`` modules, without dropout; the reference is the model without it.

    ``alpha / r`` scales the update, or with ``rslora`` ``alpha / sqrt(r)`` (arXiv 2312.03732). ``dora`` learns size and
    direction of the weights apart (arXiv 2402.09353); vLLM can't serve it beside its base: merge it.

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
            ValueError: a name fits no module, or a matrix that is embedding and head in one: merging would change both.
        """
        if self.target == "all-linear":
            return
        from torch import nn

        model = skeleton(ref)
        names = [name for name, _ in model.named_modules() if name]
        wanted = [self.target] if isinstance(self.target, str) else self.target
        for target in wanted:
            found = [name for name in names if _fits(name, target, isinstance(self.target, str))]
            if not found:
                linear = {n.rpartition(".")[2]: None for n, m in model.named_modules() if isinstance(m, nn.Linear)}
                raise ValueError(
                    f"training.tuning.target: {type(model).__name__} has no module {target!r}; "
                    f"its linear layers are {', '.join(linear)}, and all-linear means all but the head"
                )
            ends = {model.get_input_embeddings(), model.get_output_embeddings()}
            if model.config.tie_word_embeddings and ends & {model.get_submodule(name) for name in found}:
                raise ValueError(
                    f"training.tuning.target: {target!r} is embedding and head of {type(model).__name__} in one, "
                    "and an adapter would change one side only; leave it out, or choose training=full"
                )

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

    def adapter(self) -> dict[str, Any]:
        """The same in PEFT's words."""
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
        """The same for PEFT."""
        from peft import LoraConfig

        return LoraConfig(**self.adapter())


@dataclass(frozen=True, slots=True)
class Full:
    """All weights, kept and updated in float32 and computed in the model's own dtype, saved in that dtype.

    The reference is the model before the first step: its log-probs are worked out then, and no copy is kept.
    """

    @property
    def folder(self) -> str:
        """A transformers folder."""
        return "model"

    def adapter(self) -> None:
        """There is none."""

    def check(self, ref: ModelRef) -> None:
        """Refuse a quantised model.

        Raises:
            ValueError: the model is quantised.
        """
        if ref.quantization is not None:
            raise ValueError(
                f"training=full trains no weights in {ref.quantization}; set model.quantization=null, or training=lora"
            )

    def __call__(self, ref: ModelRef, device: str, seed: int) -> Policy:  # noqa: ARG002  # nothing is drawn
        """The model in float32, every parameter trained.

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
    """Whether PEFT takes the module: a list has (ends of) names, a text is a regular expression of the whole name."""
    return bool(re.fullmatch(target, name)) if is_pattern else name == target or name.endswith(f".{target}")


def _seed(seed: int) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(["lora", seed]).encode()).digest()[:8], "big") >> 1
