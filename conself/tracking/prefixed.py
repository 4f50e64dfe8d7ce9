"""A Lightning logger that prefixes all names, so that several training runs share a run."""

from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch.loggers import Logger


class PrefixedLogger(Logger):
    """Forwards everything to ``logger``, each name as ``prefix`` + name (Lightning's own would insert a ``-``)."""

    def __init__(self, logger: Logger, prefix: str) -> None:
        super().__init__()
        self._logger = logger
        self._prefix = prefix

    @property
    def name(self) -> str | None:
        """That of the wrapped logger."""
        return self._logger.name

    @property
    def version(self) -> int | str | None:
        """That of the wrapped logger."""
        return self._logger.version

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log one row of the curve."""
        self._logger.log_metrics({f"{self._prefix}{name}": value for name, value in metrics.items()}, step)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the job logs its whole config."""

    def save(self) -> None:
        """Flush the logger."""
        self._logger.save()

    def finalize(self, status: str) -> None:
        """End logging after training."""
        self._logger.finalize(status)


def prefixed(logger: Logger, prefix: str) -> Logger:
    """Wrap ``logger`` with a prefix; return it unchanged if that is empty."""
    return PrefixedLogger(logger, prefix) if prefix else logger


def play(logger: Logger, curve: Sequence[Mapping[str, float]]) -> None:
    """Log a stored curve, one mapping per step, as in training."""
    for step, row in enumerate(curve):
        logger.log_metrics(dict(row), step)
    logger.save()
