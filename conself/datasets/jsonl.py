"""The user's own problems: one JSON object per line, with a statement and test inputs."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from conself.datasets.validation import Rejected
from conself.oracles import Oracle
from conself.records import Problem
from conself.sandbox.jsonlines import Json, call_literal, numbered_lines, parse_line, read_id

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Jsonl:
    """Problems of a file (gzipped where its name ends in ``.gz``) with the keys ``statement``, ``inputs`` and,
    optionally, ``id``, ``starter_code``, ``entry_point`` (absent or null: a stdin program), ``difficulty``, ``prefix``
    (code put before every program when it is executed; default: the setting ``prefix``). Other keys are ignored, with a
    warning.

    An ``id`` is text or an int. Inputs of a function are JSON arrays of positional arguments, or ``{"py": "<literal of
    a tuple>"}``; inputs of a stdin program are strings. A malformed line (no JSON, no UTF-8, nested too deeply, a wrong
    key) is logged with its number and becomes :class:`Rejected`; ``strict`` stops at it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is malformed and ``strict`` is set; or the file is truncated, or no gzip file.
    """

    places: ClassVar[tuple[str, ...]] = ("path",)

    path: str
    strict: bool
    prefix: str

    def __call__(self) -> Iterator[Problem | Rejected]:
        """Yield the problems in file order, one record for every line that is not blank."""
        path = self._file()
        unread: Counter[str] = Counter()
        stem = _stem(path)
        for number, line in numbered_lines(path):  # bytes: one line that is no UTF-8 must not take the others with it
            yield self._record(line, number, f"{stem}/{number}", unread)
        for key, count in unread.items():
            log.warning("%s: %s is no key and not read, in %d lines; keys are %s", path, key, count, ", ".join(KEYS))

    def _record(self, line: bytes, number: int, default_id: str, unread: Counter[str]) -> Problem | Rejected:
        try:
            row = _row(parse_line(line))
            problem = _problem(row, default_id, self.prefix)
            unread.update(str(key) for key in row if key not in KEYS)
            return problem
        except ValueError as error:
            if self.strict:
                raise ValueError(f"{self.path}, line {number}: {error}") from error
            log.warning("skipped %s, line %d: %s", self.path, number, error)
            return Rejected(default_id, "malformed line")

    def oracles(self) -> Iterator[Oracle]:
        """Yield nothing: the right outputs are unknown."""
        return iter(())

    def statements(self) -> Iterator[str]:
        """Yield the statements of its problems; raises as the data set itself."""
        return (problem.statement for problem in self() if isinstance(problem, Problem))

    def fingerprint(self) -> str:
        """Hash the file and the part of its name that default ids use, with SHA-256."""
        path = self._file()
        return hashlib.sha256(_stem(path).encode() + b"\0" + path.read_bytes()).hexdigest()

    def _file(self) -> Path:
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"data set file {self.path!r} does not exist; set dataset.path to a .jsonl file")
        return path


def _stem(path: Path) -> str:
    """Return the file's name without its endings: ``mine`` for ``mine.jsonl`` and for ``mine.jsonl.gz``."""
    return Path(path.name.removesuffix(".gz")).stem


def _row(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise ValueError(f"a line must hold a JSON object, got {type(value).__name__}")
    return value


def _problem(row: Mapping[str, Json], default_id: str, prefix: str) -> Problem:
    missing = [key for key in ("statement", "inputs") if key not in row]
    if missing:
        raise ValueError(f"missing {' and '.join(missing)}; a problem needs a statement and a list of inputs")
    raw_inputs = row["inputs"]
    if not isinstance(raw_inputs, list):
        raise ValueError(f"inputs must be a list, got {type(raw_inputs).__name__}")
    defaults = {**dict.fromkeys(_TEXTS, ""), "id": default_id, "prefix": prefix}
    fields = {key: row.get(key, default) for key, default in defaults.items()}
    fields |= {"id": read_id(fields["id"], "id"), "entry_point": row.get("entry_point") or ""}
    texts = {key: value for key, value in fields.items() if isinstance(value, str)}
    if wrong := [key for key in fields if key not in texts]:
        raise ValueError(f"{', '.join(wrong)} must be text")
    is_stdin = row.get("entry_point") is None
    return Problem(
        id=texts["id"],
        statement=texts["statement"],
        starter_code=texts["starter_code"],
        entry_point=None if is_stdin else texts["entry_point"],
        inputs=tuple(_input(value, is_stdin) for value in raw_inputs),
        source="jsonl",
        difficulty=texts["difficulty"],
        prefix=texts["prefix"],
    )


_TEXTS = ("statement", "starter_code", "difficulty", "id", "prefix")
KEYS = (*_TEXTS, "inputs", "entry_point")
"""Of a line; others are not read."""


def _input(value: Json, is_stdin: bool) -> str:
    if is_stdin:
        if not isinstance(value, str):
            raise ValueError("an input of a stdin program must be a string; name an entry_point to call a function")
        return value
    if isinstance(value, dict) and set(value) == {"py"} and isinstance(value["py"], str):
        return value["py"]
    if isinstance(value, list):
        return call_literal(value)
    raise ValueError('an input of a function must be a JSON array of its arguments, or {"py": "(...)"}')
