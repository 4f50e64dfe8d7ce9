"""A pool of programs made elsewhere, read from a file: problems, inputs, candidates, and verdicts where it has them."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from conself.datasets.pool.lines import PoolLine, parse
from conself.sandbox.jsonlines import numbered_lines, parse_line


def read_pool(path: Path) -> list[PoolLine]:
    """The problems of a file of JSON lines, gzipped where its name ends in ``.gz``, in its order.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is malformed, an id comes twice, or there is none; names file, line and key, and the remedy.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}: set pool to a .jsonl or .jsonl.gz file")
    found: dict[str, PoolLine] = {}
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
        found[read.problem.id] = read
    if not found:
        raise ValueError(f"{path} is empty: write a JSON object per problem")
    return list(found.values())


def content(records: Iterable[object]) -> str:
    """SHA-256 (hex) of records: the same for another file, or another order of keys, that says the same."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(repr(record).encode() + b"\n")
    return digest.hexdigest()
