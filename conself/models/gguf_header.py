"""Read the header of a GGUF file, its settings and tensors, in a fraction of a second and without torch.

The format is llama.cpp's (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Of lists of texts (a vocabulary
has hundreds of thousands of entries) only the lengths are kept.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_ALIGNMENT = 32
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""The format's numbers for types, and the struct module's letters for them."""
Setting: TypeAlias = str | int | float | list["Setting"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor's name, number of elements, number of its type, and its offset in bytes from ``Header.data``."""

    name: str
    elements: int
    kind: int
    offset: int


@dataclass(frozen=True, slots=True)
class Header:
    """``settings`` by name, with lists of texts as their lengths; the tensors; and the offset of their data."""

    settings: dict[str, Setting]
    tensors: tuple[Tensor, ...]
    data: int


def read_header(path: Path) -> Header:
    """Read the header of ``path``.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no GGUF file of version 2 or 3, or ends too early.
    """
    with path.open("rb") as handle:
        if handle.read(len(_MAGIC)) != _MAGIC:
            raise ValueError(f"{path} is not a GGUF file: it does not begin with {_MAGIC.decode()}")
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                return _parsed(_Cursor(content, len(_MAGIC)), path)
            except struct.error as error:
                raise ValueError(f"{path} ends in the middle of its header; download or copy it again") from error


def _parsed(cursor: _Cursor, path: Path) -> Header:
    version, n_tensors, n_settings = cursor.take("I"), cursor.take("Q"), cursor.take("Q")
    if version not in _VERSIONS:
        raise ValueError(f"{path} is of GGUF version {version}; versions {_VERSIONS[0]} and {_VERSIONS[1]} can be read")
    settings = {}
    for _ in range(n_settings):
        name = cursor.text()
        settings[name] = cursor.value(cursor.take("I"))
    tensors = tuple(_tensor(cursor) for _ in range(n_tensors))
    alignment = settings.get("general.alignment")
    alignment = alignment if isinstance(alignment, int) else _ALIGNMENT
    return Header(settings, tensors, -(-cursor.position // alignment) * alignment)


def _tensor(cursor: _Cursor) -> Tensor:
    name = cursor.text()
    elements = prod(cursor.take("Q") for _ in range(cursor.take("I")))
    return Tensor(name, elements, cursor.take("I"), cursor.take("Q"))


class _Cursor:
    """A position in little-endian content."""

    def __init__(self, content: mmap.mmap, position: int) -> None:
        self.content, self.position = content, position

    def take(self, letter: str) -> Any:
        """Read the next scalar."""
        (value,) = struct.unpack_from(f"<{letter}", self.content, self.position)
        self.position += struct.calcsize(letter)
        return value

    def text(self) -> str:
        """Read the next text, which is preceded by its length in bytes."""
        length = self.take("Q")
        start, self.position = self.position, self.position + length
        return self.content[start : self.position].decode("utf-8", errors="replace")

    def value(self, kind: int) -> Setting:
        """Read the next value, of type ``kind``."""
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            scalar: Setting = self.take(_letter(kind))
            return scalar
        inner: int = self.take("I")
        count: int = self.take("Q")
        if inner != _STRING:
            return [self.value(inner) for _ in range(count)]
        for _ in range(count):
            length = self.take("Q")
            self.position += length
        return count


def _letter(kind: int) -> str:
    if kind not in _SCALARS:
        raise ValueError(f"a GGUF file cannot hold a setting of type {kind}; the file is damaged: download it again")
    return _SCALARS[kind]
