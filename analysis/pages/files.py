"""The files behind the problem pages: packed data that a script tag loads, in parts of bounded size.

A page opened from ``file://`` may not ``fetch`` its neighbours, but it may load scripts. Each data file is one call of
one function with one argument, the base64 of gzipped JSON: nothing of a candidate can end the script or add to it,
and 20,000 problems take a fifth of the space of plain JSON. Browsers have unpacked gzip by themselves
(``DecompressionStream``) since 2023.
"""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

from .values import visible

PART_BYTES = 1_000_000
"""A part is closed when its JSON reaches this number of bytes; packed it is far smaller."""
PART_PROBLEMS = 50
"""... or when it holds this number of problems, which a reader loads together."""


def as_json(content: Any) -> bytes:
    """Return plain data as JSON in UTF-8; lone surrogates, which UTF-8 lacks, become JSON escapes.

    Bidirectional controls become visible escapes (``visible``).
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = visible(text, "\\\\")  # to JSON a backslash is two
    return text.encode("utf-8", "backslashreplace")


def packed(name: str, content: bytes) -> str:
    """Return a script that passes on JSON under ``name``, a name of letters, digits and dashes."""
    data = gzip.compress(content, 6, mtime=0)
    return f'conselfData("{name}","{base64.b64encode(data).decode("ascii")}");\n'


def write_part(folder: Path, name: str, content: bytes) -> int:
    """Write ``<name>.js`` with JSON into ``folder``; return its size in bytes."""
    text = packed(name, content)
    (folder / f"{name}.js").write_text(text, encoding="ascii")
    return len(text)


class Parts:
    """Writer of ``problems-<n>.js``: problems are added one by one, with at most one part in memory.

    Args:
        folder: where the files go; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[bytes] = []
        self._bytes = 0
        self.count = 0
        self.largest = 0
        self.total = 0

    def add(self, problem: bytes) -> tuple[int, int]:
        """Keep one problem's JSON; return the number of its part and its place there."""
        if self._held and (len(self._held) >= PART_PROBLEMS or self._bytes + len(problem) > PART_BYTES):
            self.close()
        self._held.append(problem)
        self._bytes += len(problem)
        return self.count, len(self._held) - 1

    def close(self) -> None:
        """Write the pending part, if any."""
        if not self._held:
            return
        size = write_part(self._folder, f"problems-{self.count}", b"[%s]" % b",".join(self._held))
        self._held, self._bytes = [], 0
        self.count += 1
        self.largest = max(self.largest, size)
        self.total += size
