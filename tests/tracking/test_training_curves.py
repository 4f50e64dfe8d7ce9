"""What Lightning logs while it trains arrives under its own step, and that of later rounds under their prefix."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from omegaconf import OmegaConf
from torch.utils.data import DataLoader

from conself.tracking import Tracker
from conself.tracking.csv_tracker import CsvTracker
from conself.tracking.tensorboard_tracker import TensorBoardTracker
from conself.tracking.wandb_tracker import WandbTracker
from tests.tracking.wandb_files import of_job

pytestmark = pytest.mark.filterwarnings("ignore")
ROUNDS = {"": [0.5, 0.25], "round2/": [0.125, 0.0625, 0.0]}


class Scripted(LightningModule):
    """Logs given losses, as the training module logs its own."""

    def __init__(self, losses: Sequence[float]) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.losses = losses

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:  # noqa: ARG002
        self.log("step", float(batch_idx))
        self.log("train/loss", self.losses[batch_idx], batch_size=1)
        return self.weight.sum()


def fit(logger: Logger | None, losses: Sequence[float]) -> None:
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=logger or False,
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loader: Any = DataLoader(list(range(len(losses))), batch_size=1)  # type: ignore[arg-type]  # a list is map-style
    trainer.fit(Scripted(losses), loader)


def train(tracker: Tracker, folder: Path) -> None:
    """Two rounds of training, then a figure."""
    tracker.start(folder, OmegaConf.create({"tau": 0.3}))
    for prefix, losses in ROUNDS.items():
        fit(tracker.training_logger(prefix), losses)
    tracker.summarise({"pairs": 3})
    tracker.finish(failed=False)


def test_csv(tmp_path: Path) -> None:
    train(CsvTracker(), tmp_path)
    with (tmp_path / "csv" / "metrics.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    for prefix, losses in ROUNDS.items():
        name = f"{prefix}train/loss"
        assert [(int(r["step"]), float(r[name])) for r in rows if r[name]] == list(enumerate(losses))


def test_wandb(tmp_path: Path) -> None:
    train(WandbTracker("test", "offline"), tmp_path)
    run = of_job(tmp_path)
    for prefix, losses in ROUNDS.items():
        assert run.curve(f"{prefix}train/loss") == list(enumerate(losses))
    assert run.summary["pairs"] == 3


def test_tensorboard(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(TensorBoardTracker(), tmp_path)
    found = reader.EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    for prefix, losses in ROUNDS.items():
        assert [(e.step, e.value) for e in found.Scalars(f"{prefix}train/loss")] == list(enumerate(losses))
    assert [e.value for e in found.Scalars("pairs")] == [3]
    assert OmegaConf.load(tmp_path / "tensorboard" / "hparams.yaml") == {"tau": 0.3}
