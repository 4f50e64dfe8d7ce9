"""Rows of figures, a JSON line for each step of an online training, in the folder of its artifact."""

import json
from pathlib import Path

FILE = "steps.jsonl"
"""A JSON line for each step."""
HELD_OUT = "held_out_"
"""What the names of a probe's figures begin with."""


def read_curve(folder: Path) -> list[dict[str, float]]:
    """The rows in the folder of an artifact.

    Raises:
        OSError: there are none.
    """
    return [json.loads(line) for line in (folder / FILE).read_text(encoding="utf-8").splitlines()]
