"""Where curves and figures go: W&B, CSV or nowhere, behind one small face. One run per job, finished by the job."""

import csv
import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger
from omegaconf import DictConfig, OmegaConf


def _plain(config: DictConfig) -> dict[str, Any]:
    plain: Any = OmegaConf.to_container(config, resolve=True)
    return dict(plain)


class Tracker(Protocol):
    """A dashboard for one job."""

    def start(self, folder: Path, config: DictConfig) -> None:
        """Open the run in the job's folder, with the resolved config."""

    def training_logger(self) -> Logger | None:
        """What Lightning logs curves to while it trains; None for nothing."""

    def replay(self, curve: Sequence[Mapping[str, float]]) -> None:
        """Record the curve of a training that was found in the store, one mapping per step."""

    def summarise(self, figures: Mapping[str, float]) -> None:
        """Record final figures by slash-separated name, e.g. ``metrics/nll/auc``."""

    def finish(self, failed: bool) -> None:
        """Close the run, so that the next job of a sweep opens one of its own."""


@dataclass
class WandbTracker:
    """Weights & Biases; ``mode`` offline (no account needed), online or disabled."""

    project: str
    mode: str
    _run: Any = field(default=None, init=False)

    def start(self, folder: Path, config: DictConfig) -> None:
        """Open a W&B run in ``folder``; it is named after the folder and the one above.

        Raises:
            ValueError: ``mode`` is none of the three.
        """
        import wandb

        if self.mode not in ("offline", "online", "disabled"):
            raise ValueError(f"logger.mode must be offline, online or disabled, got {self.mode!r}")
        logging.getLogger("wandb").setLevel(logging.ERROR)
        self._run = wandb.init(
            project=self.project,
            mode=self.mode,  # type: ignore[arg-type]  # checked above
            dir=str(folder),
            name=f"{folder.parent.name}/{folder.name}",
            config=_plain(config),
            settings=wandb.Settings(silent=True, console="off"),
        )

    def training_logger(self) -> Logger | None:
        """Lightning's W&B logger on this run."""
        return WandbLogger(experiment=self._run)

    def replay(self, curve: Sequence[Mapping[str, float]]) -> None:
        """Log every step of a stored curve."""
        for step, row in enumerate(curve):
            self._run.log({**row, "trainer/global_step": step})

    def summarise(self, figures: Mapping[str, float]) -> None:
        """Write the run's summary."""
        self._run.summary.update(dict(figures))

    def finish(self, failed: bool) -> None:
        """Close the run."""
        if self._run is not None:
            self._run.finish(exit_code=int(failed))
            self._run = None


@dataclass
class CsvTracker:
    """Plain files in the job's folder: curves in ``csv/metrics.csv``, figures in ``csv/summary.csv``."""

    _folder: Path | None = field(default=None, init=False)

    def start(self, folder: Path, config: DictConfig) -> None:
        """Open ``folder``/csv and write the config there."""
        self._folder = folder / "csv"
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "config.json").write_text(json.dumps(_plain(config), indent=1))

    def training_logger(self) -> Logger | None:
        """Lightning's CSV logger in the same folder."""
        return self._logger()

    def replay(self, curve: Sequence[Mapping[str, float]]) -> None:
        """Write a stored curve as Lightning's logger would."""
        logger = self._logger()
        for step, row in enumerate(curve):
            logger.log_metrics(dict(row), step)
        logger.save()

    def summarise(self, figures: Mapping[str, float]) -> None:
        """Write one row per figure."""
        if self._folder is None:
            raise RuntimeError("summarise before start: open the run first")
        with (self._folder / "summary.csv").open("w", newline="") as handle:
            csv.writer(handle).writerows([("figure", "value"), *figures.items()])

    def finish(self, failed: bool) -> None:
        """Nothing is left open."""

    def _logger(self) -> CSVLogger:
        logger = CSVLogger(save_dir=str(self._folder), name="", version="")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Experiment logs directory")  # config.json is there, and stays
            _ = logger.experiment  # opens it
        return logger


@dataclass
class NoTracker:
    """Keeps nothing: the figures are in results.json."""

    def start(self, folder: Path, config: DictConfig) -> None:
        """Nothing to open."""

    def training_logger(self) -> Logger | None:
        """No logger."""
        return None

    def replay(self, curve: Sequence[Mapping[str, float]]) -> None:
        """Nothing to record."""

    def summarise(self, figures: Mapping[str, float]) -> None:
        """Nothing to record."""

    def finish(self, failed: bool) -> None:
        """Nothing to close."""
