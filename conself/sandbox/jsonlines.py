"""Read users' JSON lines, for pools, jobs and data sets. Standard library only."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
"""The values of JSON."""
Plain: TypeAlias = bool | int | float | str | Sequence["Plain"] | Mapping[str, "Plain"] | None
"""The same in mappings and sequences of any kind, which are read and not changed."""

_MARK = b"\xef\xbb\xbf"
_MOST_DIGITS = 100_000
_MOST_BITS = 2000  # of an int written in decimal: the interpreter's limit can be set to 640 digits
_SHOWN = 60  # characters of a wrong value


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that are not blank, with their numbers from 1; gzipped if its name ends in ``.gz``.

    A byte order mark, which some editors put before the first line, is removed.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is truncated, or no gzip file.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from numbered(file)
    except EOFError:
        raise ValueError(f"{path} is cut off: copy it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is no whole gzip file ({error}): copy it again, or take .gz off its name") from None


def numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers from 1; the first one without a byte order mark."""
    for number, line in enumerate(lines, start=1):
        text = line.removeprefix(_MARK) if number == 1 else line
        if text.strip():
            yield number, text


def parse_line(line: bytes) -> Json:
    """Parse the JSON value of a user's line by :func:`parse_json`.

    Raises:
        ValueError: no JSON, no UTF-8, nested too deeply, an int too long, or a key twice in an object; with the remedy.
    """
    try:
        return parse_json(line.decode("utf-8"), _once)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON ({error}): write one object per line") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"no UTF-8 ({error.reason}): save the file as UTF-8") from None


def parse_json(text: str | bytes, pairs_hook: Callable[[list[tuple[str, Json]]], Json] | None = None) -> Json:
    """Parse JSON with ints of up to 100,000 digits; Python's own limit is 4,300.

    Raises:
        ValueError: no JSON, no UTF-8, nested too deeply, or a longer int.
    """
    try:
        value: Json = json.loads(text, object_pairs_hook=pairs_hook, parse_int=_int)
    except RecursionError:
        raise ValueError("nested too deeply: leave such an input out") from None
    return value


def _int(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        if (size := len(digits.removeprefix("-"))) > _MOST_DIGITS:
            raise ValueError(f"an int of {size} digits, more than {_MOST_DIGITS}: leave it out") from None
    try:
        return int(Decimal(digits))  # Decimal has no limit of digits, and the interpreter's own is the whole process's
    except InvalidOperation as error:
        raise ValueError("an int that cannot be read") from error


def _once(pairs: list[tuple[str, Json]]) -> Json:
    """Build a JSON object; Python would silently keep the last of two values of a key."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(
            f"{next(name for name in names if names.count(name) > 1)} appears twice in one object: keep one"
        )
    return found


def read_id(value: Json, key: str) -> str:
    """Read a problem's id as text; an int, as in other tools' files, becomes its digits (at most 600).

    Raises:
        ValueError: it is something else; names the ``key``.
    """
    if isinstance(value, str):
        return value
    if type(value) is int and value.bit_length() <= _MOST_BITS:
        return str(value)
    raise ValueError(f"{key} is {shown(value)}: it must be text, or an int of up to 600 digits")


def shown(value: Json) -> str:
    """Shorten a wrong value for a message: the first characters of its ``repr``."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of more digits than Python writes; nested too deeply
        text = f"{type(value).__name__} too long to be shown"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def call_literal(arguments: list[Json]) -> str:
    """Convert a JSON array to the literal of a tuple of positional arguments, by :func:`literal`.

    Raises:
        ValueError: it contains NaN, which has no literal, or nests too deeply.
    """
    try:
        return literal(tuple(arguments))
    except RecursionError:
        raise ValueError("nested too deeply: leave this input out") from None


def literal(value: object, strict: bool = True) -> str:
    """Write the Python literal of plain data so that ``ast.literal_eval`` can read it under any limit on digits.

    As ``repr`` writes it, except that ints of more than 2,000 bits are hexadecimal, and infinity is a number that
    overflows to it.

    Raises:
        ValueError: there is none, for nan, and ``strict`` is set.
        RecursionError: nested too deeply.
    """
    if isinstance(value, tuple):
        return f"({', '.join(literal(item, strict) for item in value)}{',' * (len(value) == 1)})"
    if isinstance(value, list):
        return f"[{', '.join(literal(item, strict) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal(k, strict)}: {literal(v, strict)}' for k, v in value.items())}}}"
    if type(value) is int and value.bit_length() > _MOST_BITS:
        return hex(value)  # of powers of two there is no limit of digits
    if isinstance(value, float) and value - value != 0:
        if value != value and strict:
            raise ValueError("nan has no literal; leave this input out")
        return repr(value) if value != value else ("1e999" if value > 0 else "-1e999")
    return repr(value)
