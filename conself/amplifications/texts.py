"""Convert texts on standard input to arguments, so that they can be changed like those of a call.

A token that is always alone in its place is an argument; a line of varying length is a list; and after a first line
with the number of following blocks of lines, the blocks are a list of tuples. Counts at the head of a text, of a line
or of a block are then ints that are the length of another argument (``relations.CountOf``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from conself.amplifications.paths import Arguments
from conself.sandbox.sources import Value

_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,15}")
Tokens = list[Value]
Widths = tuple[int | None, ...]
"""Of each line the number of its tokens, None where it varies."""


@dataclass(frozen=True)
class Layout:
    """The layout that all texts of a problem have.

    Attributes:
        widths: of the lines of a text, or of those of a block.
        in_blocks: whether the first line is the number of blocks that follow.
        end: the end of a text.
    """

    widths: Widths
    in_blocks: bool
    end: str

    def read(self, text: str) -> Arguments:
        """Read a text of this layout as arguments; with ``in_blocks`` these are a count and a list."""
        lines = _lines(text)
        if not self.in_blocks:
            return tuple(_columns(lines, self.widths))
        size = len(self.widths)
        blocks = [tuple(_columns(lines[start : start + size], self.widths)) for start in range(1, len(lines), size)]
        return lines[0][0], [block[0] if len(block) == 1 else block for block in blocks]

    def write(self, arguments: Arguments) -> str:
        """Write such arguments as text."""
        if not self.in_blocks:
            return "\n".join(self._written(arguments)) + self.end
        blocks = [block if isinstance(block, tuple) else (block,) for block in arguments[1]]
        return "\n".join([str(arguments[0]), *(line for block in blocks for line in self._written(block))]) + self.end

    def _written(self, values: Sequence[Value]) -> list[str]:
        left, lines = iter(values), []
        for width in self.widths:
            tokens = next(left) if width is None else [next(left) for _ in range(width)]
            lines.append(" ".join(map(str, tokens)))
        return lines


def layout_of(texts: Sequence[str]) -> Layout | None:
    """Return the common layout of all texts; None if this module knows none."""
    read, end = [_lines(text) for text in texts], "\n" if all(text.endswith("\n") for text in texts) else ""
    for size in range(1, max((len(lines) for lines in read), default=1)):
        if all(_has_blocks(lines, size) for lines in read):
            blocks = [lines[start : start + size] for lines in read for start in range(1, len(lines), size)]
            return Layout(_widths(blocks), True, end)
    if len({len(lines) for lines in read}) == 1 and all(read):
        return Layout(_widths(read), False, end)
    return None


def _has_blocks(lines: Sequence[Tokens], size: int) -> bool:
    """Return whether the first line is a single int, the number of blocks of ``size`` lines that follow, at least 1."""
    return len(lines) > 1 and lines[0] == [(len(lines) - 1) / size] and type(lines[0][0]) is int


def _widths(blocks: Sequence[Sequence[Tokens]]) -> Widths:
    widths = [{len(block[place]) for block in blocks} for place in range(len(blocks[0]))]
    return tuple(sizes.pop() if len(sizes) == 1 else None for sizes in widths)


def _columns(lines: Sequence[Tokens], widths: Widths) -> list[Value]:
    values: list[Value] = []
    for line, width in zip(lines, widths, strict=True):
        values += [line] if width is None else line
    return values


def _lines(text: str) -> list[Tokens]:
    return [[_token(token) for token in line.split()] for line in text.strip().split("\n")] if text.strip() else []


def _token(text: str) -> Value:
    """Convert a number if it is written as Python writes it, so that it can be written back; leave any other text."""
    if _INT.fullmatch(text) and text != "-0":
        return int(text)
    if _FLOAT.fullmatch(text) and repr(float(text)) == text:
        return float(text)
    return text
