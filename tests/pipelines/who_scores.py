"""A metric that tells who works it out, in a module of its own: workers import it, and no torch with it."""

import os
from dataclasses import dataclass

from conself.agreement.traces import Agreement
from conself.records import ModelRef, Pool


@dataclass(frozen=True)
class WhoScores:
    """The process that scores; ``model`` is a ModelRef or None."""

    model: ModelRef | None

    def __call__(self, pool: Pool, agreement: Agreement) -> float:  # noqa: ARG002
        return float(os.getpid())
