"""The sandbox's results: outcomes per program and input, how they were obtained, and their counts."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from conself.sandbox.jobs import Job
from conself.sandbox.sources import parse

SKIPPED = "skipped"
"""The value of a TIMEOUT that was not run, because its program had timed out often enough before."""

UNREADABLE = '{"o":'
"""The mark of an unreadable part in a canonical value (see :mod:`conself.sandbox.canonical`)."""
# neither can be a part of a text, for quotes in it are escaped
_LONG_ITERATOR = '{"x":["longer iterator"'


class Status(StrEnum):
    """The status of one execution."""

    OK = "ok"
    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT_LIMIT = "output_limit"
    EXIT = "exit"
    KILLED = "killed"
    COMPILE_ERROR = "compile_error"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One execution: ``value`` is the canonical value if OK and the exception's type name if EXCEPTION.

    A COMPILE_ERROR has the exception's name as well, or "" where there was no program; a TIMEOUT that was not run
    has :data:`SKIPPED`; all others have "".
    """

    status: Status
    value: str


class Audit(StrEnum):
    """The result of second, exact runs on two of a program's inputs."""

    AGREED = "agreed"
    LEAKED = "leaked"  # the fast path gave other outcomes than two exact runs: theirs are recorded
    NONDETERMINISTIC = "nondeterministic"  # two exact runs differed


@dataclass(frozen=True, slots=True)
class Note:
    """Notes on a program's run: ``exact`` is one process per input; ``audit`` is None if it was run only once."""

    exact: bool
    audit: Audit | None


_MISSING_MODULE = Outcome(Status.EXCEPTION, "ModuleNotFoundError")
_TOO_DEEP = Outcome(Status.EXCEPTION, "RecursionError")


@dataclass(frozen=True, slots=True)
class Result:
    """A finished job: ``rows[p][i]`` is the outcome of program p on input i, ``notes[p]`` how it was obtained."""

    job: Job
    rows: list[tuple[Outcome, ...]]
    notes: list[Note]


@dataclass(frozen=True)
class Summary:
    """Counts over results; sums with ``+``.

    ``statuses`` counts executions by status. ``skipped`` counts TIMEOUT that were not run. Programs of the same text
    within a job run once and count each time, as their outcomes do. ``modules`` counts, of the programs in
    ``missing_modules``, those that import each module outside the standard library. Of programs, on at least one input,

    - ``missing_modules`` failed for an import (see ``Limits.packages``);
    - ``recursion_errors`` recursed deeper than they may (a program's own ``sys.setrecursionlimit`` counts);
    - ``cut_outputs`` gave more than ``Limits.output_kb``, and so nothing;
    - ``unreadable`` gave a value that holds what cannot be read, and so is equal to no other;
    - ``long_iterators`` gave an iterator of which only the first items were read.
    """

    programs: int = 0
    executions: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    skipped: int = 0
    exact: int = 0
    audited: int = 0
    leaked: int = 0
    nondeterministic: int = 0
    missing_modules: int = 0
    recursion_errors: int = 0
    cut_outputs: int = 0
    unreadable: int = 0
    long_iterators: int = 0
    modules: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Result) -> Self:
        """Count the outcomes of one job."""
        outcomes = Counter(outcome for row in result.rows for outcome in row)
        statuses = Counter[str]()
        for outcome, count in outcomes.items():
            statuses[outcome.status.value] += count
        signs = {
            "missing_modules": lambda outcome: outcome == _MISSING_MODULE,
            "recursion_errors": lambda outcome: outcome == _TOO_DEEP,
            "cut_outputs": lambda outcome: outcome.status is Status.OUTPUT_LIMIT,
            "unreadable": lambda outcome: UNREADABLE in outcome.value,
            "long_iterators": lambda outcome: _LONG_ITERATOR in outcome.value,
        }
        kinds = {name: set(filter(sign, outcomes)) for name, sign in signs.items()}
        return cls(
            programs=len(result.rows),
            executions=outcomes.total(),
            statuses=dict(sorted(statuses.items())),
            skipped=outcomes[Outcome(Status.TIMEOUT, SKIPPED)],
            exact=sum(note.exact for note in result.notes),
            audited=sum(note.audit is not None for note in result.notes),
            leaked=sum(note.audit is Audit.LEAKED for note in result.notes),
            nondeterministic=sum(note.audit is Audit.NONDETERMINISTIC for note in result.notes),
            **{
                name: sum(not kind.isdisjoint(row) for row in result.rows) if kind else 0
                for name, kind in kinds.items()
            },
            modules=_modules(result) if kinds["missing_modules"] else {},
        )

    def __add__(self, other: Self) -> Self:
        mine, theirs = self.as_dict(), other.as_dict()
        tables = {key: Counter(mine.pop(key)) + Counter(theirs.pop(key)) for key in ("statuses", "modules")}
        return type(self)(
            statuses=dict(sorted(tables["statuses"].items())),
            modules=dict(sorted(tables["modules"].items())),
            **{k: mine[k] + theirs[k] for k in mine},
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; ``Summary(**data)`` restores the summary."""
        return asdict(self)


def _modules(result: Result) -> dict[str, int]:
    """Count the modules outside the standard library that programs with a failed import name."""
    programs = (code for code, row in zip(result.job.programs, result.rows, strict=True) if _MISSING_MODULE in row)
    found = Counter(name for code in programs if code is not None for name in set(_imported(code)))
    return dict(sorted((name, n) for name, n in found.items() if name not in sys.stdlib_module_names))


def _imported(code: str) -> Iterator[str]:
    """Return the top-level names of the modules in a program's import statements."""
    try:
        nodes = list(ast.walk(parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
