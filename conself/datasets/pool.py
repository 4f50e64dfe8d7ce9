"""A pool of programs made elsewhere, read from a file: problems, inputs, candidates, and verdicts where it has them."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conself.datasets.pool_lines import PoolLine, parse
from conself.sandbox.jsonlines import numbered_lines


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
            read = parse(json.loads(line.decode("utf-8"), object_pairs_hook=_once, parse_int=_integer))
            if (first := lines.setdefault(read.problem.id, number)) != number:
                raise ValueError(
                    f"id {read.problem.id!r} is that of line {first} too: give each problem an id of its own"
                )
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number}: no JSON ({error}): write one object per line") from None
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}, line {number}: no UTF-8 ({error.reason}): save the file as UTF-8") from None
        except RecursionError:
            raise ValueError(f"{path}, line {number}: nested too deeply: leave such an input out") from None
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


def _integer(digits: str) -> int:
    """Python reads no integer above some thousands of digits, and tells programmers how to have it read them."""
    try:
        return int(digits)
    except ValueError:
        raise ValueError(
            f'an integer has {len(digits)} digits, too many for JSON: write such an input as {{"py": "(...,)"}}'
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; Python would keep the last of two values of a key without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(
            f"{next(name for name in names if names.count(name) > 1)} stands twice in one object: keep one"
        )
    return found
