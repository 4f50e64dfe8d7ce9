"""Read a pool of programs from a file: problems, inputs, candidates, and verdicts if it has them."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from conself.pool_files.lines import PoolLine, parse
from conself.sandbox.jsonlines import numbered_lines, parse_line


def read_pool(path: Path) -> list[PoolLine]:
    """Read the problems of a file of JSON lines (gzipped if its name ends in ``.gz``), in order.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is malformed, an id appears twice, or there is no line; names file, line, key and remedy.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}: set pool to a .jsonl or .jsonl.gz file")
    parsed: dict[str, PoolLine] = {}
    lines: dict[str, int] = {}
    for number, line in numbered_lines(path):
        try:
            read = parse(parse_line(line))
            if (first := lines.setdefault(read.problem.id, number)) != number:
                raise ValueError(
                    f"id {read.problem.id!r} is that of line {first} too: give each problem an id of its own"
                )
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        parsed[read.problem.id] = read
    if not parsed:
        raise ValueError(f"{path} is empty: write a JSON object per problem")
    return list(parsed.values())


def content(records: Iterable[object]) -> str:
    """Hash records with SHA-256 (hex), independent of the file and of the order of keys."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(repr(record).encode() + b"\n")
    return digest.hexdigest()
