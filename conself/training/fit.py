"""Train a LoRA adapter on preference pairs."""

import errno
import hashlib
import json
import logging
import math
import re
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.loggers import Logger
from peft import LoraConfig, PeftModel
from rich.progress import track
from safetensors import SafetensorError
from transformers import PreTrainedModel

from conself.losses.output import Loss
from conself.models import load_policy, load_tokenizer, with_lora
from conself.quantization import prepare_for_training
from conself.records import ModelRef, PreferencePair
from conself.training.checkpointing import checkpoint_layers
from conself.training.data import PairData, Response, TokenPair, encode
from conself.training.layouts import Layout, require_plain_head
from conself.training.module import PreferenceModule
from conself.training.settings import Training

# What Lightning warns of and is meant to be so: no dropout anywhere, batches made in this process, a GPU left alone on
# demand; and what its own code provokes.
_NOISE = (
    r"Found \d+ module\(s\) in eval mode",
    r".*does not have many workers",
    r"GPU available but not used",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
)


@dataclass(frozen=True, slots=True)
class FitReport:
    """What training did: ``curve`` has one row of means per step, ``n_tokens`` counts tokens without padding.

    ``n_pairs`` counts the pairs trained on, ``n_overlong`` those dropped for exceeding ``max_length``.
    """

    steps: int
    epochs: int
    n_pairs: int
    n_overlong: int
    n_tokens: int
    seconds: float
    curve: tuple[dict[str, float], ...]


def fit(
    pairs: Sequence[PreferencePair],
    model: ModelRef,
    settings: Training,
    loss: Loss,
    seed: int,
    out: Path,
    logger: Logger | None,
) -> FitReport:
    """Train a fresh LoRA adapter on ``model`` and save it as a PEFT folder at ``out``.

    The reference is the same model with the adapter off; its log-probs are computed once, before the first step.
    On a CPU the same arguments give the same bits.

    Raises:
        ValueError: no pairs, none short enough, or pairs with (without) losers for a loss without (with) use for them.
        FloatingPointError: loss or gradient stopped being finite; names the problems of the batch.
    """
    started = time.perf_counter()
    encoded, n_overlong = _encoded(pairs, model, settings.max_length, loss.needs_losers)
    lora = (settings.lora_r, settings.lora_alpha, settings.lora_target, _lora_seed(seed))
    policy = with_lora(load_policy(model, settings.runtime.device), *lora)
    prepare_for_training(_causal(policy))
    if settings.runtime.gradient_checkpointing:
        checkpoint_layers(_causal(policy))
    require_plain_head(_causal(policy), encoded[0].chosen)
    layout, progress = settings.runtime.layout, settings.runtime.progress
    steps = settings.epochs * math.ceil(len(encoded) / settings.batch_size)
    with _quiet(), _threads(settings.threads):
        reference = reference_log_probs(policy, layout, encoded, progress) if loss.needs_reference else {}
        module = PreferenceModule(_causal(policy), layout, loss, reference, settings, steps)
        trainer = _trainer(policy.device, settings, logger)
        trainer.fit(module, PairData(encoded, settings.batch_size, seed, settings.by_problem))
    save_adapter(policy, model, out)
    return FitReport(
        steps=len(module.curve),
        epochs=settings.epochs,
        n_pairs=len(encoded),
        n_overlong=n_overlong,
        n_tokens=module.n_tokens,
        seconds=time.perf_counter() - started,
        curve=tuple(module.curve),
    )


@torch.no_grad()
def reference_log_probs(
    policy: PeftModel, layout: Layout, pairs: Sequence[TokenPair], progress: bool
) -> dict[Response, float]:
    """Summed log-prob in nats of every distinct response of ``pairs`` with the adapter off, in the given layout."""
    micro_batches = layout.micro_batches(pairs)
    values: dict[Response, float] = {}
    with policy.disable_adapter():
        for micro_batch in track(micro_batches, "Reference", disable=not progress):
            rows = layout.log_probs(_causal(policy), micro_batch).tolist()
            values.update(zip(micro_batch.responses, rows, strict=True))
    return values


def save_adapter(policy: PeftModel, model: ModelRef, out: Path) -> None:
    """Write adapter_model.safetensors and adapter_config.json, which names the base model as ``model`` does."""
    config = policy.peft_config["default"]
    config.base_model_name_or_path, config.revision = model.name, model.revision
    if isinstance(config, LoraConfig) and isinstance(config.target_modules, set):
        # A set's order changes from process to process, and with it the file's bytes; peft takes lists as well.
        config.target_modules = sorted(config.target_modules)
    try:
        policy.save_pretrained(str(out), save_embedding_layers=False)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))  # the system's error is in its text only
        code = int(number[1]) if number else errno.EIO
        raise OSError(code, f"cannot write the adapter to {out}: {error}") from error


def _encoded(
    pairs: Sequence[PreferencePair], model: ModelRef, max_length: int, needs_losers: bool
) -> tuple[list[TokenPair], int]:
    if not pairs:
        raise ValueError("there are no pairs to train on; widen the curriculum (raise tau) or sample more problems")
    if any((pair.rejected is not None) != needs_losers for pair in pairs):
        need, other = ("a loser in every pair", "consensus_pairs") if needs_losers else ("no losers", "winner_only")
        raise ValueError(f"this loss wants {need}; choose pairing={other}, or another loss")
    encoded, n_overlong = encode(pairs, load_tokenizer(model), max_length)
    if not encoded:
        raise ValueError(f"all {n_overlong} pairs are longer than training.max_length ({max_length} tokens); raise it")
    return encoded, n_overlong


def _causal(policy: PeftModel) -> PreTrainedModel:
    base = policy.get_base_model()
    if not isinstance(base, PreTrainedModel):
        raise TypeError(f"expected a transformers model under the adapter, got {type(base).__name__}")
    return base


def _lora_seed(seed: int) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(["lora", seed]).encode()).digest()[:8], "big") >> 1


def _trainer(device: torch.device, settings: Training, logger: Logger | None) -> Trainer:
    callbacks: list[Callback] = [RichProgressBar()] if settings.runtime.progress else []
    return Trainer(
        accelerator=device.type,
        devices=1,
        max_epochs=settings.epochs,
        logger=logger or False,
        callbacks=callbacks,
        log_every_n_steps=1,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_progress_bar=settings.runtime.progress,
        enable_model_summary=False,
    )


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """No word from Lightning about hardware, tips and choices that are made on purpose here."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in _NOISE:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        log.setLevel(level)
