"""Write, read and check a journal's lines (see :mod:`conself.sandbox.journal`). Standard library only."""

import hashlib
import importlib.metadata
import json
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from conself.sandbox.jobs import Job, Limits
from conself.sandbox.results import Audit, Note, Outcome, Result, Status

_VERSION = 3
"""Part of every key: raise it when the engine gives other outcomes for the same job."""

_START = b'{"key":"'
_WHOLE = re.compile(re.escape(_START) + rb'([0-9a-f]{64})",.*\]\}\n', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Finished:
    """A line of a journal: ``rows`` and ``notes`` as in :class:`~conself.sandbox.Result`, without the job itself."""

    key: str
    id: str
    rows: list[tuple[Outcome, ...]]
    notes: list[Note]


def read(path: Path) -> Iterator[Finished]:
    """Read the finished jobs of a journal in the order of its lines, also while it is being written.

    Raises ValueError naming file and line if a line is damaged.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                try:
                    yield parse(line)
                except ValueError as error:
                    raise damaged(path, number) from error


def setting(limits: Limits) -> tuple[object, ...]:
    """Return all settings that determine outcomes: every limit except the level of isolation, Python and packages."""
    numbers = float(limits.cpu_seconds), float(limits.wall_seconds), limits.memory_mb, limits.output_kb
    packages = _packages(tuple(limits.packages))
    return _VERSION, platform.python_version(), *numbers, limits.max_timeouts, float(limits.audit), packages


@cache
def _packages(wanted: tuple[str, ...]) -> list[tuple[str, list[tuple[str, str]]]]:
    """List each package with its distributions and versions, which takes a second or more."""
    names = importlib.metadata.packages_distributions() if wanted else {}
    return [
        (package, [(name, importlib.metadata.version(name)) for name in sorted(set(names.get(package, [])))])
        for package in wanted
    ]


def key(setting: tuple[object, ...], job: Job) -> bytes:
    """Hash a job and the setting: 32 bytes."""
    # repr tells every text from every other, two lone surrogates from the character that JSON makes of them too
    content = repr((setting, job.id, job.entry_point, tuple(job.programs), tuple(job.inputs)))
    return hashlib.sha256(content.encode()).digest()


def pack(key: bytes, result: Result) -> bytes:
    """Write one line, with its end; ``key`` has 32 bytes."""
    places: dict[Outcome, int] = {}
    rows = [[places.setdefault(outcome, len(places)) for outcome in row] for row in result.rows]
    content = {
        "key": key.hex(),
        "id": result.job.id,
        "outcomes": [[outcome.status.value, outcome.value] for outcome in places],
        "rows": rows,
        "exact": [note.exact for note in result.notes],
        "audit": [note.audit for note in result.notes],
    }
    # as it is, not escaped: escapes would make one character of two lone surrogates
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"


def parse(line: bytes) -> Finished:
    """Parse a line; ValueError if it does not have the form of :func:`pack`."""
    try:
        content = json.loads(line.decode("utf-8", "surrogatepass"))
        outcomes = dict(enumerate(Outcome(Status(status), value) for status, value in content["outcomes"]))
        rows = [tuple(outcomes[place] for place in row) for row in content["rows"]]
        flags = zip(content["exact"], content["audit"], strict=True)
        notes = [Note(exact, None if audit is None else Audit(audit)) for exact, audit in flags]
        texts = [content["key"], content["id"], *(outcome.value for outcome in outcomes.values())]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if len(notes) != len(rows) or not all(type(text) is str for text in texts):
        raise ValueError("a note for each row is needed, and texts")
    return Finished(content["key"], content["id"], rows, notes)


def key_of(line: bytes) -> bytes | None:
    """Return the key of a complete line, judged by its two ends; None if it is incomplete."""
    match = _WHOLE.fullmatch(line)
    return bytes.fromhex(match[1].decode()) if match else None


def is_torn(line: bytes) -> bool:
    """Return whether it is the first part of a line, as left by a kill."""
    return not line.endswith(b"\n") and _START.startswith(line[: len(_START)])


def damaged(path: Path, number: int) -> ValueError:
    """Build the error for a line that cannot be read."""
    what = f"{path}, line {number}: damaged, or not of a journal"
    return ValueError(f"{what}. If it is one, remove the line, and its job is run again; else give another file")
