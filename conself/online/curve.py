"""The rows of an online training run: written to disk as they arrive, and sent to the tracker."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from conself.guards.guard import Probe
from conself.online.diagnostics import Row
from conself.store.artifacts import write_whole
from conself.store.curves import HELD_OUT

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger


class Curve:
    """Write the row of each step at once: as a line of ``path``, and to ``logger`` under ``train/``.

    ``rows`` are those of earlier runs. Lines of steps taken after their last checkpoint are overwritten with the same
    numbers.
    """

    def __init__(self, path: Path, rows: Sequence[Row], logger: Logger | None) -> None:
        self.path = path
        self.rows = list(rows)
        self.logger = logger
        write_whole(path, lambda temporary: temporary.write_text("".join(map(_line, self.rows))))
        for row in self.rows:
            self._log(row)

    def add(self, row: Row) -> None:
        """Add one row."""
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line(row))
        self._log(row)

    def close(self) -> None:
        """Flush and finalize the logger."""
        if self.logger is not None:
            self.logger.save()
            self.logger.finalize("success")

    def _log(self, row: Row) -> None:
        if self.logger is not None:
            self.logger.log_metrics(for_tracker(row), int(row["step"]))


def for_tracker(row: Row) -> dict[str, float]:
    """Return the figures of a row under the tracker's names."""
    return {f"train/{name}": value for name, value in row.items()}


def probes_of(rows: Sequence[Row]) -> list[Probe]:
    """Return the probes made so far."""
    names = ("winner_consensus", "distinct_traces", "constant", "code_chars", "like_first")
    return [
        Probe(int(row["step"]), *(row[f"{HELD_OUT}{name}"] for name in names))
        for row in rows
        if f"{HELD_OUT}{names[0]}" in row
    ]


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"
