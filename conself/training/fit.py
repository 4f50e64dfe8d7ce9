"""Train a policy on preference pairs."""

import logging
import math
import shutil
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.loggers import Logger

from conself.losses.output import Loss, check_losers, check_weights
from conself.models.transformers import device_of, fingerprint, load_tokenizer
from conself.records import ModelRef, PreferencePair
from conself.training.checkpoints import Checkpoints, training_key
from conself.training.data import PairData, Response, TokenPair, encode
from conself.training.devices.distributed import check_devices
from conself.training.devices.processes import together
from conself.training.devices.ranks import ALONE, Ranks
from conself.training.devices.remote_logger import RemoteLogger
from conself.training.memory import is_large
from conself.training.module import PreferenceModule
from conself.training.policy.recompute import checkpoint_layers
from conself.training.policy.tuning import Policy
from conself.training.progress import progress_of
from conself.training.reference import identity, reference_log_probs
from conself.training.settings import Training, sharing_of
from conself.training.suitability import check_policy

CHECKPOINTS = "checkpoints"
"""The folder that a training keeps its checkpoints in until all of it is saved."""

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
    """What training did: ``curve`` has one row of means per step, ``n_tokens`` counts response tokens.

    ``n_pairs`` counts the pairs trained on, ``n_overlong`` those dropped for exceeding ``max_length``. Where the run
    went on from a checkpoint, ``seconds`` has the time of the earlier runs up to it; all else is as if they were one.
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
    references: Path,
    logger: Logger | None,
) -> FitReport:
    """Train ``model`` and save what was trained in ``out``: ``adapter/`` (PEFT), or ``model/`` with all weights.

    ``settings.export`` is left to the caller: a merged model is made from the adapter (``export.save_merged``).

    The reference is the same model before its training; its log-probs are taken from the tables in ``references``, or
    computed once, before the first step, and left there. On a CPU the same arguments give the same bits, also where an
    earlier run was killed: this one goes on from the checkpoint that it left in ``out``. A large model is trained in a
    process of its own, which gives its memory back when it ends.

    Raises:
        ValueError: no pairs, none short enough, or pairs with (without) losers for a loss without (with) use for them,
            or without the weights that it reads;
            or a model that cannot be trained like this.
        FloatingPointError: loss or gradient stopped being finite; names the problems of the batch.
        ChildProcessError: a training process was killed.
    """
    runtime = settings.runtime
    check_devices(runtime.device, runtime.devices, runtime.strategy, model)
    arguments = (pairs, model, settings, loss, seed, out, references, time.perf_counter())
    if runtime.devices == 1 and not is_large(model, settings):
        report = fit_rank(*arguments, ALONE, logger)
    else:
        report = together(_fit_with_others, arguments, runtime.devices, device_of(runtime.device), logger)
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)  # not before all is saved
    return report


def _fit_with_others(*arguments: Any) -> FitReport:
    *same, remote = arguments
    return fit_rank(*[*same, None if remote is None else RemoteLogger(remote)])


def fit_rank(
    pairs: Sequence[PreferencePair],
    model: ModelRef,
    settings: Training,
    loss: Loss,
    seed: int,
    out: Path,
    references: Path,
    started: float,
    ranks: Ranks,
    logger: Logger | None,
) -> FitReport:
    """What each of the processes that train together does; ``started`` is the time.perf_counter() of the beginning.

    Raises:
        ValueError, FloatingPointError: as :func:`fit`.
    """
    sharing = sharing_of(settings.runtime, ranks)
    encoded, n_overlong = _encoded(pairs, model, settings.max_length, loss)
    policy = _policy(model, settings, encoded, seed, ranks)
    steps = settings.epochs * math.ceil(len(encoded) / settings.batch_size)
    with _quiet(), _threads(settings.threads):
        sharing.spread(policy.scorer, policy.model.device)
        reference = _reference(policy, model, settings, encoded, references, ranks) if loss.needs_reference else {}
        sharing.settle(policy.scorer)
        module = PreferenceModule(policy, loss, reference, settings, steps, ranks)
        key = training_key(fingerprint(model), module, encoded, settings, loss, seed)
        checkpoints = Checkpoints(out / CHECKPOINTS, key, settings.runtime.checkpoint_share, started)
        data = PairData(encoded, settings.batch_size, seed, settings.by_problem, checkpoints.steps_taken)
        trainer = _trainer(policy.model.device, settings, data, checkpoints, ranks, logger)
        _run(trainer, module, data)
    weights = sharing.weights(policy.model)
    if ranks.first:
        policy.save(out / settings.tuning.folder, weights)
    return FitReport(
        steps=len(module.curve),
        epochs=settings.epochs,
        n_pairs=len(encoded),
        n_overlong=n_overlong,
        n_tokens=module.n_tokens,
        seconds=checkpoints.seconds,
        curve=tuple(module.curve),
    )


def _policy(model: ModelRef, settings: Training, pairs: Sequence[TokenPair], seed: int, ranks: Ranks) -> Policy:
    policy = settings.tuning(model, str(ranks.device(device_of(settings.runtime.device))), seed)
    checkpoint_layers(policy.model, settings.runtime.gradient_checkpointing)
    check_policy(policy, settings, pairs)
    return policy


def _reference(
    policy: Policy, model: ModelRef, settings: Training, pairs: Sequence[TokenPair], root: Path, ranks: Ranks
) -> dict[Response, float]:
    layout = settings.runtime.layout
    who = identity(policy, layout, fingerprint(model))
    progress = settings.runtime.progress and ranks.first
    return reference_log_probs(policy, layout, pairs, who, root, progress, ranks)


def _encoded(
    pairs: Sequence[PreferencePair], model: ModelRef, max_length: int, loss: Loss
) -> tuple[list[TokenPair], int]:
    if not pairs:
        raise ValueError("there are no pairs to train on; widen the curriculum (raise tau) or sample more problems")
    for pair in pairs:
        check_losers(pair.rejected is not None, loss.needs_losers)
        check_weights(pair.winner_weight is not None, loss.needs_weight)
    encoded, n_overlong = encode(pairs, load_tokenizer(model), max_length)
    if not encoded:
        raise ValueError(f"all {n_overlong} pairs are longer than training.max_length ({max_length} tokens); raise it")
    return encoded, n_overlong


def _trainer(
    device: torch.device,
    settings: Training,
    data: PairData,
    checkpoints: Checkpoints,
    ranks: Ranks,
    logger: Logger | None,
) -> Trainer:
    callbacks: list[Callback] = [checkpoints]
    progress = progress_of(settings.runtime.progress and ranks.first)
    if progress is not None:
        callbacks.append(progress)
    return Trainer(
        accelerator=device.type,
        devices=ranks.count,
        strategy=sharing_of(settings.runtime, ranks).lightning(ranks, device),
        plugins=[LightningEnvironment()],  # whatever cluster's variables are set: the processes are there
        max_epochs=settings.epochs - data.epochs_taken,
        logger=logger or False,
        callbacks=callbacks,
        log_every_n_steps=1,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_progress_bar=isinstance(progress, RichProgressBar),
        enable_model_summary=False,
    )


def _run(trainer: Trainer, module: PreferenceModule, data: PairData) -> None:
    try:
        trainer.fit(module, data)
    except SystemExit:
        raise KeyboardInterrupt from None  # what Lightning has made it of


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
