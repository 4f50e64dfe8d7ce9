"""Lines of JSON as users bring them, for pools, jobs and data sets alike. Standard library only."""

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MARK = b"\xef\xbb\xbf"


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers from 1; gzipped where its name ends in ``.gz``.

    A byte order mark, which some editors put before the first line, is no part of it.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is cut off, or no gzip file.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.removeprefix(_MARK) if number == 1 else line
                if text.strip():
                    yield number, text
    except EOFError:
        raise ValueError(f"{path} is cut off: copy it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is no whole gzip file ({error}): copy it again, or take .gz off its name") from None


def call_literal(arguments: list[Any]) -> str:
    """The tuple of positional arguments that a JSON array stands for, as ``repr`` writes it; infinity as 1e999.

    Raises:
        ValueError: NaN is among them, which has no literal.
    """
    items = [literal_of(value, " ") for value in arguments]
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def literal_of(value: Any, gap: str) -> str:
    """A JSON value as Python writes it, ``gap`` behind each comma and colon.

    Infinity, which Python has no literal for, is the number that overflows to it.

    Raises:
        ValueError: NaN, which has no literal.
    """
    if isinstance(value, list):
        return f"[{f',{gap}'.join(literal_of(item, gap) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{f',{gap}'.join(f'{key!r}:{gap}{literal_of(item, gap)}' for key, item in value.items())}}}"
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            raise ValueError("nan has no literal; leave this input out")
        return "1e999" if value > 0 else "-1e999"
    return repr(value)
