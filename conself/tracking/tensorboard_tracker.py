"""TensorBoard: an event file in the run folder, written through Lightning's logger."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from conself.tracking.naming import run_name
from conself.tracking.tracker import BINS, Cell, Stored, plain

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger


@dataclass
class TensorBoardTracker:
    """Event file and hparams.yaml in ``tensorboard/``. Tables are text; the tab HPARAMS compares a sweep's jobs."""

    _logger: Any = field(default=None, init=False)
    _config: dict[str, Any] = field(default_factory=dict, init=False)
    _figures: dict[str, float] = field(default_factory=dict, init=False)
    _around: Path | None = field(default=None, init=False)

    def start(
        self,
        folder: Path,
        config: DictConfig,
        kind: str = "train",
        overrides: Sequence[str] = (),
        in_sweep: int = 0,
    ) -> None:
        """Open an event file in ``folder``/tensorboard, with the config, the kind of job and its overrides as text.

        An earlier job's file in this folder is removed: TensorBoard would draw the two as one run.

        Raises:
            ValueError: the package tensorboard is not installed.
        """
        if importlib.util.find_spec("tensorboard") is None:
            raise ValueError(
                "tracking=tensorboard needs the package tensorboard: pip install tensorboard, or choose tracking=csv"
            )
        from lightning.pytorch.loggers import TensorBoardLogger

        for earlier in (folder / "tensorboard").glob("events.out.tfevents.*"):
            earlier.unlink()
        self._logger = TensorBoardLogger(str(folder / "tensorboard"), name="", version="", default_hp_metric=False)
        self._config, self._figures, self._around = (
            plain(config),
            {},
            folder.parents[in_sweep - 1] if in_sweep else folder,
        )
        self._logger.log_hyperparams(self._config)
        self._logger.experiment.add_text("config", f"```yaml\n{OmegaConf.to_yaml(config, resolve=True)}```")
        self._logger.experiment.add_text("job", f"{kind}: {run_name(overrides)}")
        self._logger.save()

    def training_logger(self, prefix: str = "") -> Logger | None:
        """Return Lightning's TensorBoard logger on this file."""
        from conself.tracking.prefixed import prefixed

        return prefixed(self._logger, prefix)

    def replay(self, curve: Sequence[Mapping[str, float]], prefix: str = "") -> None:
        """Log every step of a stored curve."""
        from conself.tracking.prefixed import play, prefixed

        play(prefixed(self._logger, prefix), curve)

    def summarise(self, figures: Mapping[str, float]) -> None:
        """Keep the figures for the end: they are written once, with their config."""
        self._figures |= figures

    def tabulate(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Write a table as text."""
        self._logger.experiment.add_text(name, markdown(columns, rows))

    def histogram(self, name: str, values: Sequence[float]) -> None:
        """Write a histogram."""
        import numpy as np

        if len(values):
            self._logger.experiment.add_histogram(name, np.asarray(values), bins=BINS)

    def link(self, artifacts: Mapping[str, Stored]) -> None:
        """Write a table of the artifacts."""
        rows = [(name, artifact.stage, artifact.key, str(artifact.path)) for name, artifact in artifacts.items()]
        self.tabulate("artifacts", ("name", "stage", "key", "path"), rows)

    def finish(self, failed: bool) -> str | None:  # noqa: ARG002
        """Write the figures, close the file; return how to view it."""
        if self._logger is None:
            return None
        if self._figures:
            self._logger.log_hyperparams(self._config, self._figures)
        self._logger.finalize("success")
        self._logger = None
        return f"dashboard: tensorboard --logdir {shlex.quote(str(self._around))}"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Format a table in Markdown: numbers at 4 significant digits, None as an empty cell."""
    lines = [columns, ["---"] * len(columns), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split()).replace("|", "\\|")
