"""Convert rows to problems: malformed rows are skipped with their name and reason, or stop a strict run."""

import logging
from collections.abc import Callable, Iterable, Iterator

from conself.datasets.files.rows import BadRow, Row
from conself.datasets.validation import Rejected
from conself.oracles import Oracle
from conself.records import Problem

log = logging.getLogger(__name__)

Record = tuple[Problem, Oracle] | Rejected
"""A problem with the expected outputs of exactly its inputs; or the reason why there is none."""

MALFORMED = "malformed record"


def records(
    rows: Iterable[Row | BadRow], convert: Callable[[Row, str], Record], prefix: str, strict: bool
) -> Iterator[Record]:
    """Convert every row, lazily and in order. ``convert`` gets the row and the name ``prefix/number``, from 0.

    A :class:`BadRow`, and a row for which ``convert`` raises ValueError, is rejected as malformed; the log has the
    details.

    Raises:
        ValueError: a row is malformed and ``strict`` is set.
    """
    for number, row in enumerate(rows):
        name = f"{prefix}/{number}"
        try:
            if isinstance(row, BadRow):
                raise ValueError(f"{row.place}: {row.reason}")
            yield convert(row, name)
        except ValueError as error:
            if strict:
                raise ValueError(f"{name}: {error}; dataset.strict=false skips such records") from error
            log.debug("malformed: %s: %s", name, error)
            yield Rejected(name, MALFORMED)


def problems_of(converted: Iterable[Record]) -> Iterator[Problem | Rejected]:
    """Return the problems of records, without expected outputs."""
    return (record if isinstance(record, Rejected) else record[0] for record in converted)


def oracles_of(converted: Iterable[Record]) -> Iterator[Oracle]:
    """Return the expected outputs of those records that are problems."""
    return (record[1] for record in converted if not isinstance(record, Rejected))


def text(row: Row, key: str) -> str:
    """Read a field that holds text; absent and null are the empty text.

    Raises:
        ValueError: it holds something else.
    """
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} must be text, got {type(value).__name__}")
    return value
