"""Plain files in the run folder, for spreadsheets and scripts."""

from __future__ import annotations

import csv
import json
import shutil
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from conself.tracking.naming import group, run_name, tags
from conself.tracking.tracker import Cell, Stored, binned, plain

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger


@dataclass
class CsvTracker:
    """Files in ``csv/``: config.json, job.json, metrics.csv (curves), summary.csv (figures), artifacts.csv, NAME.csv.

    NAMEs are those of tables and histograms: ``csv/tables/metrics.csv``, ``csv/uncertainty.csv``.
    """

    _folder: Path | None = field(default=None, init=False)
    _logger: Any = field(default=None, init=False)
    _figures: dict[str, float] = field(default_factory=dict, init=False)

    def start(
        self,
        folder: Path,
        config: DictConfig,
        kind: str = "train",
        overrides: Sequence[str] = (),
        in_sweep: int = 0,
    ) -> None:
        """Open ``folder``/csv and write the config there, and W&B's name of the run in job.json.

        Files of an earlier job in this folder are removed: it may have had other tables.
        """
        self._folder, self._logger, self._figures = folder / "csv", None, {}
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "config.json").write_text(json.dumps(plain(config), indent=1))
        job = {"kind": kind, "name": run_name(overrides), "group": group(folder, in_sweep), "tags": tags(config)}
        (self._folder / "job.json").write_text(json.dumps(job, indent=1))

    def training_logger(self, prefix: str = "") -> Logger | None:
        """Return Lightning's CSV logger in the same folder: one for all training runs of the job."""
        from lightning.pytorch.loggers import CSVLogger

        from conself.tracking.prefixed import prefixed

        if self._logger is None:
            self._logger = CSVLogger(save_dir=str(self._opened()), name="", version="")
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Experiment logs directory")  # config.json is there, and stays
                _ = self._logger.experiment  # opens it
        return prefixed(self._logger, prefix)

    def replay(self, curve: Sequence[Mapping[str, float]], prefix: str = "") -> None:
        """Write a stored curve like Lightning's logger."""
        from conself.tracking.prefixed import play

        logger = self.training_logger(prefix)
        if logger is not None:
            play(logger, curve)

    def summarise(self, figures: Mapping[str, float]) -> None:
        """Write one row per figure."""
        self._figures |= figures
        self._write("summary", ("figure", "value"), self._figures.items())

    def tabulate(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Write the table to a separate file."""
        self._write(name, columns, rows)

    def histogram(self, name: str, values: Sequence[float]) -> None:
        """Write one row per bin: its edges, and the number of values between them."""
        if len(values):
            counts, edges = binned(values)
            self._write(name, ("low", "high", "count"), zip(edges, edges[1:], counts, strict=False))

    def link(self, artifacts: Mapping[str, Stored]) -> None:
        """Write one row per artifact."""
        rows = [(name, artifact.stage, artifact.key, str(artifact.path)) for name, artifact in artifacts.items()]
        self._write("artifacts", ("name", "stage", "key", "path"), rows)

    def finish(self, failed: bool) -> str | None:  # noqa: ARG002
        """Do nothing: no file is open."""
        return None

    def _opened(self) -> Path:
        if self._folder is None:
            raise RuntimeError("CsvTracker was used before start: open the run first")
        return self._folder

    def _write(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        path = self._opened() / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as handle:
            csv.writer(handle).writerows([columns, *rows])
