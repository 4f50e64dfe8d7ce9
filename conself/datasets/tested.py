"""Shared by HumanEval and MBPP: problems with a right program, and tests or inputs, but no outputs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from conself.datasets.files.rows import Files, Row
from conself.datasets.row_reader import RowReader
from conself.datasets.validation import Rejected
from conself.harness.record import record_calls
from conself.harness.reference_outputs import Reference, Unusable, reference_outputs
from conself.oracles import EvalPlusOracle, TestOracle
from conself.records import Problem

TYPING = "from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set, Tuple, Union\n"
"""Put before every program: models write ``List[int]`` as the prompts do and forget the import."""

TOO_LONG = "an input (not a problem) for which the right output is longer than 20 MiB"

_IMPORT = re.compile(r"^(?:import|from)\s.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tested:
    """A problem, its oracle, and the text that identifies it in other data sets.

    With a TestOracle the problem has no inputs at first: they are recorded from the tests. ``left_out`` counts unusable
    inputs.
    """

    problem: Problem
    oracle: TestOracle | EvalPlusOracle
    statement: str
    left_out: int = 0

    @property
    def entry_point(self) -> str:
        """The name of the tested function."""
        return str(self.problem.entry_point)


@dataclass(frozen=True)
class TestedData:
    """Base of the data sets whose test inputs are recorded from tests; a subclass reads one row (:meth:`read`).

    Args:
        path: a local copy, file or folder; None: the hub.
        repo: the hub's repository, with its ``revision`` and the ``files`` to read (see :class:`Files`).
        strict: stop at the first row that cannot be used, instead of skipping it.
        max_inputs: the most inputs per problem, the first ones, which is enough to train on; None: all. Tests can be
            replayed only on all their inputs, so a problem with fewer has no oracle.

    Raises:
        OSError: the files cannot be read.
        ValueError: ``max_inputs`` below 1, no such file, or an unusable row and ``strict`` is set.
    """

    __test__ = False  # pytest takes the name for a test class

    places: ClassVar[tuple[str, ...]] = ("path",)

    path: str | None
    repo: str
    revision: str
    files: Sequence[str]
    strict: bool
    max_inputs: int | None

    def __post_init__(self) -> None:
        if self.max_inputs is not None and self.max_inputs < 1:
            raise ValueError(f"max_inputs must be at least 1, or null for all inputs; got {self.max_inputs}")

    def read(self, row: Row) -> Tested:
        """Read one row; raises KeyError, TypeError, ValueError or SyntaxError if it is malformed."""
        raise NotImplementedError

    def __call__(self) -> Iterator[Problem | Rejected]:
        """Yield the problems in the files' order, with the inputs of their tests."""
        for problem, _ in self._recorded():
            yield problem

    def oracles(self) -> Iterator[TestOracle | EvalPlusOracle]:
        """Yield the oracles, in the problems' order: for analysis and evaluation alone."""
        items = [item for item in self._rows() if isinstance(item, Tested)]
        if self.max_inputs is None and all(isinstance(item.oracle, TestOracle) for item in items):
            yield from (item.oracle for item in items)
        else:
            yield from (oracle for _, oracle in self._recorded() if oracle is not None)

    def statements(self) -> Iterator[str]:
        """Yield the benchmark's own texts, for decontamination of training problems."""
        for item in self._rows():
            if isinstance(item, Tested):
                yield item.statement

    def fingerprint(self) -> str:
        """Return the identity of the files' content."""
        return self._source().fingerprint()

    def check_first_row(self) -> None:
        """Read the first row of a local file; raises WrongFileError if it belongs to another data set."""
        if self.path is not None:
            next(self._rows(), None)

    def _source(self) -> Files:
        return Files(self.path, self.repo, self.revision, tuple(self.files))

    def _rows(self) -> Iterator[Tested | Rejected]:
        reader = self._reader()
        return (reader.read(row, self.read, number) for number, row in enumerate(self._source().rows(), start=1))

    def _reader(self) -> RowReader:
        return RowReader(self.path or self.repo, self.strict)

    def _recorded(self) -> Iterator[tuple[Problem | Rejected, TestOracle | EvalPlusOracle | None]]:
        """Yield each problem with its oracle, or None if the inputs to judge it by are missing."""
        rows = list(self._rows())
        completed = _completed([item for item in rows if isinstance(item, Tested)])
        for item in rows:
            if isinstance(item, Rejected):
                yield item, None
                continue
            completed_row = next(completed)
            if isinstance(completed_row, Unusable):
                yield (
                    self._reader().reject(item.problem.id, completed_row.reason, "run its solution by hand to see why"),
                    None,
                )
                continue
            yield from ((Rejected(item.problem.id, TOO_LONG), None) for _ in range(completed_row.left_out))
            kept = completed_row.problem.inputs[: self.max_inputs]
            oracle = completed_row.oracle if kept == completed_row.problem.inputs else None
            yield replace(completed_row.problem, inputs=kept), oracle


def _completed(items: Sequence[Tested]) -> Iterator[Tested | Unusable]:
    """Yield the problems with their inputs, in order: recorded ones, or their own on which their solution runs."""
    recorded = record_calls([(i.oracle, i.entry_point) for i in items if isinstance(i.oracle, TestOracle)])
    references = tuple(
        Reference(i.oracle.program, i.entry_point, i.problem.inputs)
        for i in items
        if isinstance(i.oracle, EvalPlusOracle)
    )
    outputs = iter(reference_outputs(references))
    for item in items:
        if isinstance(item.oracle, EvalPlusOracle):
            yield _runnable(item, item.oracle, next(outputs))
            continue
        recorded_row = next(recorded)
        if isinstance(recorded_row, Unusable):
            yield recorded_row
        else:
            yield replace(item, problem=replace(item.problem, inputs=recorded_row))


def _runnable(item: Tested, oracle: EvalPlusOracle, outputs: tuple[str | None, ...] | Unusable) -> Tested | Unusable:
    """Set a problem's expected outputs, without inputs for which the solution's output is too long to keep."""
    if isinstance(outputs, Unusable):
        return outputs
    kept = {place: output for place, output in enumerate(outputs) if output is not None}
    problem = replace(item.problem, inputs=tuple(item.problem.inputs[place] for place in kept))
    oracle = replace(oracle, expected=tuple(kept.values()), base=sum(place < oracle.base for place in kept))
    return replace(item, problem=problem, oracle=oracle, left_out=len(outputs) - len(kept))


def imports(code: str) -> str:
    """Return the import lines at the left margin, each with its end of line."""
    return "".join(line.strip() + "\n" for line in _IMPORT.findall(code))


def called_by_name(test: str, entry_point: str) -> str:
    """Write tests in a function ``check(candidate)`` as a script that calls it with the entry point.

    The entry point is looked up first, because it may itself be named ``check``.
    """
    return f"_candidate = {entry_point}\n{test}\ncheck(_candidate)\n"
