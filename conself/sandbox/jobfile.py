"""Read jobs from a file of JSON lines, the format for users' programs. Standard library only.

One JSON object per line, gzipped where the file's name ends in ``.gz``; other fields are left to others::

    {"id": "p", "entry_point": "f", "prefix": "import math\\n", "inputs": [[1, 2], {"py": "({3}, 4)"}],
     "candidates": [{"code": "def f(a, b): return a"}, {"code": null}]}

``id`` is text or an int; ``entry_point`` is null for programs that read standard input; ``prefix``, which may be
missing, is put before each program, but for ``from __future__`` imports, which stay first; ``inputs`` are, for calls,
JSON arrays of positional arguments or ``{"py": "<literal of their tuple>"}``, and texts for standard input; ``code`` is
null where there is no program.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from conself.sandbox.jobs import Job, check_job
from conself.sandbox.jsonlines import Json, call_literal, numbered_lines, parse_line, read_id
from conself.sandbox.prefix import with_prefix

_KINDS: dict[type, str] = {str: "a text", list: "a list"}

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class JobFile:
    """The jobs of a file, read again by each iteration, one line at a time; ValueError names file, line and record."""

    path: Path

    def __iter__(self) -> Iterator[Job]:
        return (job for _, job in self._numbered())

    def check(self) -> tuple[int, int]:
        """Check the whole file; return the numbers of jobs and of executions.

        Raises:
            ValueError: names file, line and record of the first job that is malformed or has an id that was there.
            OSError: the file cannot be read, or not a second time.
        """
        if not self.path.is_file() and self.path.exists():
            raise OSError(f"{self.path} must be a file: it is read more than once")
        seen: dict[str, int] = {}
        executions = 0
        for number, job in self._numbered():
            if seen.setdefault(job.id, number) != number:
                raise ValueError(f"{self.path}, line {number}: job {job.id!r} is on line {seen[job.id]} already")
            executions += len(job.programs) * len(job.inputs)
        return len(seen), executions

    def _numbered(self) -> Iterator[tuple[int, Job]]:
        for number, line in numbered_lines(self.path):
            try:
                job = parse_job(parse_line(line))
            except ValueError as error:
                raise ValueError(f"{self.path}, line {number}: {error}") from error
            yield number, job


def parse_job(record: Json) -> Job:
    """Convert a record to a checked job; ValueError names its id and the wrong field."""
    if not isinstance(record, dict):
        raise ValueError("a JSON object is needed")
    name = read_id(_given(record, "id", "job"), "job: id")
    where = f"job {name!r}"
    entry_point = _text_or_null(record, "entry_point", where)
    prefix = _field({"prefix": "", **record}, "prefix", where, str)
    codes = []
    for index, candidate in enumerate(_field(record, "candidates", where, list)):
        if not isinstance(candidate, dict):
            raise ValueError(f"{where}: candidate {index} must be an object")
        codes.append(_text_or_null(candidate, "code", f"{where}, candidate {index}"))
    programs = tuple(None if code is None else with_prefix(prefix, code) for code in codes)
    inputs = _field(record, "inputs", where, list)
    if entry_point is not None:
        inputs = [_call(value, f"{where}: input {index}") for index, value in enumerate(inputs)]
    job = Job(name, programs, entry_point, tuple(inputs))
    check_job(job)
    return job


def _given(record: Mapping[str, Json], name: str, where: str) -> Json:
    if name not in record:
        raise ValueError(f"{where}: the field {name!r} is missing")
    return record[name]


def _field(record: Mapping[str, Json], name: str, where: str, kind: type[Kind]) -> Kind:
    value = _given(record, name, where)
    if not isinstance(value, kind):
        raise ValueError(f"{where}: {name!r} must be {_KINDS[kind]}")
    return value


def _text_or_null(record: Mapping[str, Json], name: str, where: str) -> str | None:
    value = _given(record, name, where)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{where}: {name!r} must be a text or null")
    return value


def _call(value: Json, where: str) -> str:
    if isinstance(value, dict) and list(value) == ["py"] and isinstance(value["py"], str):
        return value["py"]
    if not isinstance(value, list):
        raise ValueError(f'{where} must be an array of arguments, or {{"py": "<literal of their tuple>"}}')
    try:
        return call_literal(value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
