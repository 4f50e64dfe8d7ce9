"""A logger for the process that trains, where the logger itself lives in the one that has started it."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch.loggers import Logger

from conself.training.devices.processes import Remote


class RemoteLogger(Logger):
    """Hands everything on to the logger behind ``remote``: a W&B run, say, which cannot follow into another process."""

    def __init__(self, remote: Remote) -> None:
        super().__init__()
        self._remote = remote

    @property
    def name(self) -> str:
        """Where files would go; there are none."""
        return ""

    @property
    def version(self) -> str:
        """As ``name``."""
        return ""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """One row of the curve."""
        self._remote.call("log_metrics", dict(metrics), step)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """There are none: the job logs its whole config."""

    def save(self) -> None:
        """Write what is logged."""
        self._remote.call("save")

    def finalize(self, status: str) -> None:
        """The training has ended."""
        self._remote.call("finalize", status)
