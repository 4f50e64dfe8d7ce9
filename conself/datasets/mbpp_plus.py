"""MBPP+ of EvalPlus: sanitized MBPP, corrected, with many more tests."""

from dataclasses import dataclass
from typing import ClassVar

from conself.datasets.files import Row
from conself.datasets.mbpp import Mbpp
from conself.datasets.tested import text


@dataclass(frozen=True)
class MbppPlus(Mbpp):
    """As :class:`Mbpp`, whose ids it keeps; the field ``test`` is a whole script, with inputs and tolerances."""

    source: ClassVar[str] = "MBPP+"

    def test(self, row: Row, listed: str) -> str:  # noqa: ARG002 - its tests are among those of the script
        """The row's script."""
        return text(row, "test")
