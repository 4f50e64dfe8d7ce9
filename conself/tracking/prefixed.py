"""A Lightning logger whose names all get a prefix, so that several trainings share a run."""

from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch.loggers import Logger


class PrefixedLogger(Logger):
    """Hands everything on to ``logger``, each name as ``prefix`` + name (Lightning's own would put in a ``-``)."""

    def __init__(self, logger: Logger, prefix: str) -> None:
        super().__init__()
        self._logger = logger
        self._prefix = prefix

    @property
    def name(self) -> str | None:
        """That of the logger behind it."""
        return self._logger.name

    @property
    def version(self) -> int | str | None:
        """That of the logger behind it."""
        return self._logger.version

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """One row of the curve."""
        self._logger.log_metrics({f"{self._prefix}{name}": value for name, value in metrics.items()}, step)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """There are none: the job logs its whole config."""

    def save(self) -> None:
        """Write what is logged."""
        self._logger.save()

    def finalize(self, status: str) -> None:
        """The training has ended."""
        self._logger.finalize(status)


def prefixed(logger: Logger, prefix: str) -> Logger:
    """``logger`` under a prefix; itself where that is empty."""
    return PrefixedLogger(logger, prefix) if prefix else logger


def play(logger: Logger, curve: Sequence[Mapping[str, float]]) -> None:
    """Log a stored curve, one mapping per step, as a training would have."""
    for step, row in enumerate(curve):
        logger.log_metrics(dict(row), step)
    logger.save()
