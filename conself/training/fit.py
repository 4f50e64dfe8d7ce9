"""Train a policy on preference pairs: epochs over a learner."""

import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning.pytorch.loggers import Logger

from conself.losses.output import Loss, check_losers, check_pairs_do, check_weights
from conself.models.transformers import fingerprint, load_tokenizer
from conself.records import ModelRef, PreferencePair
from conself.training.checkpoints import Checkpoints, training_key
from conself.training.data import Example, encode
from conself.training.learner import open_learner
from conself.training.lightning import Epochs, PreferenceModule, run_epochs
from conself.training.schedules import WarmupCosine
from conself.training.settings import Training

CHECKPOINTS = "checkpoints"
"""The folder for checkpoints of a training run until its result is saved."""


@dataclass(frozen=True, slots=True)
class FitReport:
    """The report of a training run: ``curve`` has one row of means per step, ``n_tokens`` counts response tokens.

    ``n_pairs`` counts the pairs trained on, ``n_overlong`` those dropped for exceeding ``max_length``. If the run
    resumed from a checkpoint, ``seconds`` includes the earlier runs up to it, and everything else is as in an
    uninterrupted run.
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
    """Train ``model`` and save the result in ``out``: ``adapter/`` (PEFT), or ``model/`` with all weights.

    ``settings.export`` is left to the caller: a merged model is made from the adapter (``export.save_merged``).

    The reference is the model before training. Its log-probs are read from the tables in ``references``, or computed
    once before the first step and stored there. On a CPU the same arguments give the same bits, also after a kill: the
    run resumes from the checkpoint that the earlier one left in ``out``. A large model is trained in its own process,
    whose memory is freed when it ends.

    Raises:
        ValueError: no pairs, none short enough, losers or weights that the loss needs are missing, losers that it
            cannot use; or the model cannot be trained like this.
        FloatingPointError: loss or gradient became infinite or nan; names the problems of the batch.
        ChildProcessError: a training process was killed.
    """
    started = time.perf_counter()
    examples, n_overlong = _encoded(pairs, model, settings.max_length, loss)
    steps = settings.epochs * math.ceil(len(examples) / settings.batch_size)
    schedule = WarmupCosine(steps, settings.warmup_ratio)
    with open_learner(model, settings, loss, seed, schedule, examples, references) as learner:
        key = training_key(fingerprint(model), learner.shapes(), examples, settings, loss, seed)
        checkpoints = Checkpoints(out / CHECKPOINTS, key, settings.runtime.checkpoint_share, started)
        module = PreferenceModule(learner, steps, checkpoints)
        run_epochs(module, Epochs(examples, settings, seed, len(module.curve)), settings, logger)
        learner.save(out / settings.tuning.folder)
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)  # not before all is saved
    return FitReport(
        steps=len(module.curve),
        epochs=settings.epochs,
        n_pairs=len(examples),
        n_overlong=n_overlong,
        n_tokens=module.n_tokens,
        seconds=checkpoints.seconds,
        curve=tuple(module.curve),
    )


def _encoded(
    pairs: Sequence[PreferencePair], model: ModelRef, max_length: int, loss: Loss
) -> tuple[list[Example], int]:
    if not pairs:
        raise ValueError("there are no pairs to train on; widen the curriculum (raise tau) or sample more problems")
    check_pairs_do(loss)
    for pair in pairs:
        check_losers(pair.rejected is not None, loss.needs_losers)
        check_weights(pair.winner_weight is not None, loss.needs_weight)
    encoded, n_overlong = encode(pairs, load_tokenizer(model), max_length)
    if not encoded:
        raise ValueError(f"all {n_overlong} pairs are longer than training.max_length ({max_length} tokens); raise it")
    return encoded, n_overlong
