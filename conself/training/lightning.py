"""Lightning as the driver of training in epochs: it counts, shows and logs; the learner does the learning."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.loggers import Logger
from torch.utils.data import DataLoader

from conself.training.checkpoints import Checkpoints
from conself.training.data import Example, global_batches
from conself.training.learner import Learner
from conself.training.progress import progress_of
from conself.training.settings import Training

# What Lightning warns of and is meant to be so: no model and no optimiser of its own, batches made in this process, a
# GPU that is the learner's; and what its own code provokes.
_NOISE = (
    r".*`LightningModule.configure_optimizers` returned `None`",
    r".*does not have many workers",
    r"GPU available but not used",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
)


class PreferenceModule(LightningModule):
    """Passes each global batch to ``learner``, and the resulting row to the loggers; ``total_steps`` in all.

    ``curve`` collects the learner's row of each step with ``mean_weight``, the mean R(y_w) of the batch. ``n_tokens``
    counts the response tokens of all pairs, each time they are trained on. Loggers get all this as ``train/NAME``, and
    ``train/tokens_per_second``, which is not in the curve: a resumed run has the same curve to the last bit. With
    ``checkpoints`` the run resumes from an earlier one's, and writes its own.
    """

    def __init__(self, learner: Learner, total_steps: int, checkpoints: Checkpoints | None) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.learner = learner
        self.total_steps = total_steps
        self.checkpoints = checkpoints
        self.curve = checkpoints.curve if checkpoints else []
        self.n_tokens = checkpoints.n_tokens if checkpoints else 0

    def configure_optimizers(self) -> None:
        """Return None: the learner has its own optimiser."""

    def on_train_start(self) -> None:
        """Resume from an earlier run's checkpoint; the loggers get the steps that it took."""
        if self.checkpoints is not None:
            self.checkpoints.resume(self.learner, str(self.total_steps))
        for logger in self.loggers if self.curve else []:
            for step, row in enumerate(self.curve):
                logger.log_metrics({f"train/{name}": value for name, value in row.items()}, step)
            logger.save()

    def training_step(self, batch: Sequence[Example], batch_idx: int) -> None:  # noqa: ARG002
        """Take one step of the learner."""
        began = time.perf_counter()
        mean_weight = sum(example.signal[0] for example in batch) / len(batch)
        row = {**self.learner.step(batch), "mean_weight": mean_weight}
        n_tokens = sum(len(response.tokens) for example in batch for response in example.responses)
        speed = n_tokens / (time.perf_counter() - began)  # of all devices, without the time between steps
        self.n_tokens += n_tokens
        self.log("step", float(len(self.curve)))  # the x-axis of loggers; Lightning itself counts from the resumption
        self.curve.append(row)
        for name, value in {**row, "tokens_per_second": speed}.items():
            self.log(f"train/{name}", value, prog_bar=name == "loss", batch_size=len(batch))  # more is a second line

    def on_train_batch_end(self, *_: object) -> None:
        """Write a checkpoint if one is due."""
        if self.checkpoints is not None and len(self.curve) < self.total_steps:
            self.checkpoints.after_step(self.learner, self.curve, self.n_tokens)


class Epochs(LightningDataModule):
    """Feeds one global batch (a list of examples) per training step, in the order of the current epoch.

    The first ``steps_taken`` batches, which an earlier run trained on, are skipped: the trainer's first epoch is then
    the rest of the epoch they end in.
    """

    def __init__(self, examples: Sequence[Example], settings: Training, seed: int, steps_taken: int) -> None:
        super().__init__()
        self.examples = examples
        self.settings = settings
        self.seed = seed
        self.epochs_taken, self.batches_taken = divmod(steps_taken, math.ceil(len(examples) / settings.batch_size))

    def train_dataloader(self) -> DataLoader[list[Example]]:
        """Return the global batches of the trainer's current epoch; called again for each epoch."""
        epoch = 0 if self.trainer is None else self.trainer.current_epoch
        order = (self.seed, self.epochs_taken + epoch, self.settings.by_problem)
        batches = global_batches(self.examples, self.settings.batch_size, *order)[0 if epoch else self.batches_taken :]
        return DataLoader(batches, batch_size=None, collate_fn=list)  # type: ignore[arg-type]  # lists are map-style

    def transfer_batch_to_device(
        self,
        batch: list[Example],
        device: torch.device,  # noqa: ARG002
        dataloader_idx: int,  # noqa: ARG002
    ) -> list[Example]:
        """Leave the batch on the CPU: it holds plain token ids, and each micro-batch is moved separately."""
        return batch


def run_epochs(module: PreferenceModule, data: Epochs, settings: Training, logger: Logger | None) -> None:
    """Train to the end of the last epoch.

    Raises:
        KeyboardInterrupt: it was interrupted.
        FloatingPointError, ChildProcessError: as the learner's steps.
    """
    callbacks: list[Callback] = []
    progress = progress_of(settings.runtime.progress, module.total_steps, len(module.curve))
    if progress is not None:
        callbacks.append(progress)
    with _quiet():
        trainer = Trainer(
            accelerator="cpu",  # nothing is computed here: the devices are the learner's
            devices=1,
            plugins=[LightningEnvironment()],  # whatever cluster's variables are set
            max_epochs=settings.epochs - data.epochs_taken,
            logger=logger or False,
            callbacks=callbacks,
            log_every_n_steps=1,
            reload_dataloaders_every_n_epochs=1,
            enable_checkpointing=False,
            enable_progress_bar=isinstance(progress, RichProgressBar),
            enable_model_summary=False,
        )
        try:
            trainer.fit(module, data)
        except SystemExit:
            raise KeyboardInterrupt from None  # Lightning turns it into an exit


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's messages about hardware, tips and choices that are intended here."""
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
