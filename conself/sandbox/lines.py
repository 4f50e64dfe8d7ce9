"""The form of a journal's lines: written, read and checked. Standard library only; see :mod:`conself.sandbox.journal`."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conself.sandbox.results import Audit, Note, Outcome, Result, Status

_PREFIX = b'{"key":"'
_WHOLE = re.compile(re.escape(_PREFIX) + rb'([0-9a-f]{64})",.*\]\}\n', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Finished:
    """A line of a journal: ``rows`` and ``notes`` as in :class:`~conself.sandbox.Result`, without the job itself."""

    key: str
    id: str
    rows: list[tuple[Outcome, ...]]
    notes: list[Note]


def read(path: Path) -> Iterator[Finished]:
    """The finished jobs of a journal in the order of its lines, also while it is being written.

    Raises ValueError naming file and line if a line is damaged.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield _parse(line, path, number)


def _line(key: bytes, result: Result) -> bytes:
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


def _parse(line: bytes, path: Path, where: int | tuple[int, int]) -> Finished:
    try:
        content = json.loads(line.decode("utf-8", "surrogatepass"))
        outcomes = dict(enumerate(Outcome(Status(status), value) for status, value in content["outcomes"]))
        rows = [tuple(outcomes[place] for place in row) for row in content["rows"]]
        flags = zip(content["exact"], content["audit"], strict=True)
        notes = [Note(exact, None if audit is None else Audit(audit)) for exact, audit in flags]
        texts = [content["key"], content["id"], *(outcome.value for outcome in outcomes.values())]
        if len(notes) != len(rows) or not all(type(text) is str for text in texts):
            raise ValueError("not of a journal's form")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(path, where) from error
    return Finished(content["key"], content["id"], rows, notes)


def _damaged(path: Path, where: int | tuple[int, int]) -> ValueError:
    """The error for a line, given by its number or by its place."""
    if isinstance(where, tuple):
        with path.open("rb") as file:
            where = file.read(where[0]).count(b"\n") + 1
    return ValueError(
        f"{path}, line {where}: damaged, or not of a journal. Remove the line (its job is run again), or use another file"
    )
