"""Read rows from a file: JSON lines, JSON, Parquet, Arrow."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from conself.sandbox.jsonlines import Json, numbered, parse_json

Row = dict[str, Any]

_ROWS = 16  # made into Python objects at once: one row of a data set of programs can take megabytes


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be parsed: its position (``file:number``, from 1) and the error."""

    place: str
    reason: str


def format_of(name: str) -> str:
    """Return the ending of a file's name that identifies its format.

    Raises:
        ValueError: the name ends in none of the known formats.
    """
    match = next((ending for ending in _READERS if name.endswith(ending)), None)
    if match is None:
        raise ValueError(f"cannot tell the format of {name}: its name must end in {', '.join(_READERS)}")
    return match


def read(path: Path, name: str) -> Iterator[Row | BadRow]:
    """Yield the rows of one file, whose ``name`` identifies its format (:func:`format_of`).

    A ``.json`` file with one array is held in memory as a whole; all other formats are streamed.

    Raises:
        ValueError: as ``format_of``.
        OSError: the file is damaged.
    """
    reader = _READERS[format_of(name)]
    try:
        yield from reader(path, name)
    except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # it could not be opened, and the message says why
        cause = " ".join(str(error).split())
        raise OSError(f"{path} is damaged ({cause}); delete it, and the file it links to, and get it again") from error


def _plain_lines(path: Path, name: str) -> Iterator[Row | BadRow]:
    with path.open("rb") as file:
        yield from _lines(file, name)


def _zipped_lines(path: Path, name: str) -> Iterator[Row | BadRow]:
    with gzip.open(path, "rb") as file:
        yield from _lines(file, name)


def _lines(file: Iterable[bytes], name: str) -> Iterator[Row | BadRow]:
    for number, line in numbered(file):  # bytes: one line that is no UTF-8 must not take the others with it
        yield _parsed(line, f"{name}:{number}")


def _parsed(line: bytes, place: str) -> Row | BadRow:
    try:
        row = parse_json(line)
    except ValueError as error:
        return BadRow(place, str(error))
    return _checked(row, place)


def _checked(row: Json, place: str) -> Row | BadRow:
    return row if isinstance(row, dict) else BadRow(place, f"a JSON object is needed, not {type(row).__name__}")


def _json(path: Path, name: str) -> Iterator[Row | BadRow]:
    """Read an array of objects; or JSON lines, as in many ``.json`` files of the hub."""
    with path.open("rb") as file:
        is_array = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    if not is_array:
        yield from _plain_lines(path, name)
        return
    try:
        rows = parse_json(path.read_bytes())
    except ValueError as error:
        raise OSError(f"{path} is damaged ({error}); delete it and get it again") from error
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], start=1):
        yield _checked(row, f"{name}:{number}")


def _parquet(path: Path, name: str) -> Iterator[Row | BadRow]:
    with pq.ParquetFile(path) as file:
        yield from _objects(file.iter_batches(batch_size=_ROWS), name)


def _arrow(path: Path, name: str) -> Iterator[Row | BadRow]:
    """Read both formats of Arrow: files, which begin with a magic word, and streams, which ``datasets`` writes."""
    with pa.memory_map(str(path)) as source:
        if source.read(6) == b"ARROW1":
            file = pa.ipc.open_file(source)
            yield from _objects((file.get_batch(index) for index in range(file.num_record_batches)), name)
        else:
            source.seek(0)
            stream = pa.ipc.open_stream(source)
            yield from _objects((batch for batch in stream), name)


def _objects(batches: Iterable[pa.RecordBatch], name: str) -> Iterator[Row | BadRow]:
    number = 0
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            yield from _some(batch.slice(start, _ROWS), name, number + start + 1)
        number += batch.num_rows


def _some(batch: pa.RecordBatch, name: str, number: int) -> list[Row | BadRow]:
    """Yield the rows of a small batch; a text that is no UTF-8 makes only its own row bad."""
    try:
        return list(batch.to_pylist())
    except UnicodeDecodeError as error:
        if batch.num_rows == 1:
            return [BadRow(f"{name}:{number}", str(error))]
        return [row for index in range(batch.num_rows) for row in _some(batch.slice(index, 1), name, number + index)]


_READERS: dict[str, Callable[[Path, str], Iterator[Row | BadRow]]] = {
    ".jsonl": _plain_lines,
    ".jsonl.gz": _zipped_lines,
    ".json": _json,
    ".parquet": _parquet,
    ".arrow": _arrow,
}
