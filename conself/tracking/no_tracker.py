"""No dashboard: the figures are in results.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from conself.tracking.tracker import Cell, Stored

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger


@dataclass
class NoTracker:
    """Keeps nothing."""

    def start(
        self,
        folder: Path,
        config: DictConfig,
        kind: str = "train",
        overrides: Sequence[str] = (),
        in_sweep: int = 0,
    ) -> None:
        """Nothing to open."""

    def training_logger(self, prefix: str = "") -> Logger | None:  # noqa: ARG002
        """No logger."""
        return None

    def replay(self, curve: Sequence[Mapping[str, float]], prefix: str = "") -> None:
        """Nothing to record."""

    def summarise(self, figures: Mapping[str, float]) -> None:
        """Nothing to record."""

    def tabulate(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Nothing to record."""

    def histogram(self, name: str, values: Sequence[float]) -> None:
        """Nothing to record."""

    def link(self, artifacts: Mapping[str, Stored]) -> None:
        """Nothing to record."""

    def finish(self, failed: bool) -> str | None:  # noqa: ARG002
        """Nothing to close, nothing to say."""
        return None
