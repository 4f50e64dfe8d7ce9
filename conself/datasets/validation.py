"""Validate problems before any work on them; bad records are skipped, named and counted."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from conself.datasets.decontamination import Stated
from conself.records import Problem
from conself.sandbox.sources import literal

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be read as a problem: its place in the data set, and the reason, a fixed text."""

    id: str
    reason: str


class Problems(Stated, Protocol):
    """The problems of a data set, without oracles."""

    def __call__(self) -> Iterator[Problem | Rejected]:
        """Yield the problems, and the records that could not be read as one.

        Raises:
            OSError: they cannot be read; with the remedy.
            ValueError: as OSError.
        """
        ...


def fault(problem: Problem) -> str | None:
    """Return why a problem cannot be used, as one of a few fixed texts that can be counted; None if it can."""
    if not problem.id.strip():
        return "no id"
    if not all(map(_is_utf8, _texts(problem))):
        return "text that cannot be written as UTF-8"
    if not problem.statement.strip():
        return "empty statement"
    if not problem.inputs:
        return "no inputs"
    if problem.entry_point is not None and not problem.entry_point.isidentifier():
        return "entry point is no identifier"
    if problem.entry_point is not None and not all(map(_is_argument_tuple, problem.inputs)):
        return "an input is not the literal of an argument tuple"
    return None


def _texts(problem: Problem) -> list[str]:
    texts = (problem.id, problem.statement, problem.starter_code, problem.source, problem.difficulty, problem.prefix)
    return [*texts, problem.entry_point or "", *problem.inputs]


def _is_utf8(text: str) -> bool:
    """Return whether a text is valid UTF-8: JSON can contain lone surrogates, a Parquet file cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_argument_tuple(text: str) -> bool:
    try:
        return isinstance(literal(text), tuple)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # TypeError: a list as a dict's key
        return False


def sift(problems: Iterable[Problem | Rejected]) -> tuple[list[Problem], dict[str, int]]:
    """Return the usable problems in order, and the number dropped for each reason; each is logged by its id.

    Raises:
        ValueError: no problem is usable.
    """
    kept: dict[str, Problem] = {}
    dropped: Counter[str] = Counter()
    for position, problem in enumerate(problems):
        if isinstance(problem, Rejected):
            reason: str | None = problem.reason
        else:
            reason = "id used twice" if problem.id in kept else fault(problem)
            if reason is None:
                kept[problem.id] = problem
        if reason is not None:
            dropped[reason] += 1
            log.info("skipped problem %r (number %d): %s", problem.id, position + 1, reason)
    if not kept:
        reasons = ", ".join(f"{n} with {reason}" for reason, n in dropped.items()) or "it is empty"
        raise ValueError(f"the data set has no usable problem ({reasons}); see `Problem` in conself/records.py")
    return list(kept.values()), dict(dropped)
