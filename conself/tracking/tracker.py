"""The interface of trackers. A tracker ignores calls that it does not support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

Cell = str | int | float | None
"""One cell of a table; None is empty."""


class Stored(Protocol):
    """An artifact of the store: its stage, its key (64 hex digits) and its folder."""

    @property
    def stage(self) -> str:
        """The stage that made it."""

    @property
    def key(self) -> str:
        """SHA-256 of its settings and inputs."""

    @property
    def path(self) -> Path:
        """Its folder."""


class Tracker(Protocol):
    """A dashboard for one job. Names are slash-separated: ``train/loss``, ``metrics/nll/auc``, ``tables/metrics``."""

    def start(
        self,
        folder: Path,
        config: DictConfig,
        kind: str = "train",
        overrides: Sequence[str] = (),
        in_sweep: int = 0,
    ) -> None:
        """Open the run in the job's folder, with the resolved config.

        ``kind`` of job: train, evaluate, score; ``overrides`` are the words of its command line; ``in_sweep`` is the
        depth of ``folder`` below its sweep's folder; 0: no sweep.
        """

    def training_logger(self, prefix: str = "") -> Logger | None:
        """Return the logger for Lightning's curves, under ``prefix`` + name; None for no logging."""

    def replay(self, curve: Sequence[Mapping[str, float]], prefix: str = "") -> None:
        """Record the curve of a stored training run, one mapping per step, as if it ran now."""

    def summarise(self, figures: Mapping[str, float]) -> None:
        """Record final figures by name, e.g. ``metrics/nll/auc``. Several calls accumulate."""

    def tabulate(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Record a table."""

    def histogram(self, name: str, values: Sequence[float]) -> None:
        """Record the distribution of ``values``, in ``BINS`` bins of equal width; nothing without values."""

    def link(self, artifacts: Mapping[str, Stored]) -> None:
        """Record the artifacts of the store that the job made or reused, by name. Nothing is copied."""

    def finish(self, failed: bool) -> str | None:
        """Close the run, so that the next job of a sweep opens a new one; return a line for the user, or None."""


BINS = 32
"""Bins of a histogram."""


def binned(values: Sequence[float]) -> tuple[list[int], list[float]]:
    """Return counts [BINS] of ``values`` and edges [BINS + 1] of bins of equal width between minimum and maximum.

    Raises:
        ValueError: a value is not finite.
    """
    import numpy as np

    counts, edges = np.histogram(np.asarray(values, dtype=np.float64), bins=BINS)
    return counts.tolist(), edges.tolist()


def plain(config: DictConfig) -> dict[str, Any]:
    """Return the whole config as plain data, resolved."""
    data: Any = OmegaConf.to_container(config, resolve=True)
    return dict(data)
