"""Rows of figures, a JSON line for each step of online training, in the folder of its artifact."""

import json
from pathlib import Path

FILE = "steps.jsonl"
"""A JSON line for each step."""
HELD_OUT = "held_out_"
"""The prefix of the names of a probe's figures."""


def read_curve(folder: Path) -> list[dict[str, float]]:
    """Read the rows from the folder of an artifact.

    Raises:
        OSError: there is no such file.
    """
    return [json.loads(line) for line in (folder / FILE).read_text(encoding="utf-8").splitlines()]
