"""MBPP, sanitized: a sentence that asks for a function, a right program, and assertions."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.datasets.files.rows import Row
from conself.datasets.row_reader import text
from conself.datasets.tested import TYPING, Tested, TestedData, called_by_name, imports
from conself.oracles import EvalPlusOracle, TestOracle
from conself.records import Problem
from conself.sandbox.sources import parse

_ASSERTION = re.compile(r"^\s*(assert\s.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Mbpp(TestedData):
    """Rows of the hub (``task_id``, ``prompt``, ``code``, ``test_imports``, ``test_list``), or of the CodeT project
    (``task_id``, ``text``, ``prompt``, ``entry_point``, ``solution``, ``test``), distinguished by ``solution``.

    The model is shown the sentence, and the first line of the right program's function as starter code, so that it
    knows the name and the arguments. ``shown_tests`` assertions follow the sentence: benchmarks show 1, as EvalPlus
    does, so that figures are comparable; training shows 0, because they contain expected values. Programs run after the
    imports of ``typing``, of the CodeT prompt and of ``test_imports``.
    """

    source: ClassVar[str] = "MBPP"
    whole: ClassVar[str] = "MBPP"

    shown_tests: int

    def read(self, row: Row) -> Tested:
        """Read one row; raises KeyError, TypeError, ValueError or SyntaxError if it is malformed."""
        if "solution" in row:
            code, entry_point, shown = text(row, "solution"), text(row, "entry_point"), text(row, "prompt")
            test = called_by_name(text(row, "test"), entry_point)
            called = [line.replace("candidate(", f"{entry_point}(") for line in _ASSERTION.findall(text(row, "test"))]
            statement = self._statement(text(row, "text"), called)
            oracle = TestOracle(text(row, "task_id"), code, test)
            return self._tested(statement, oracle, entry_point, imports(shown), ())
        code, lines = text(row, "code"), _lines(row, "test_list")
        header = "".join(line + "\n" for line in _lines(row, "test_imports"))
        oracle = TestOracle(f"Mbpp/{row['task_id']}", code, self.test(row, header + "\n".join(lines) + "\n"))
        statement = self._statement(text(row, "prompt"), lines)
        return self._tested(statement, oracle, called_function(code, lines), header, ())

    def test(self, row: Row, listed: str) -> str:  # noqa: ARG002 - MBPP+ has a field for it
        """Write the test as a script; ``listed`` holds the row's imports and assertions."""
        return listed

    def _statement(self, sentence: str, tests: Sequence[str]) -> tuple[str, str]:
        """Return the sentence, and the sentence as shown to the model."""
        shown = "".join(f"\n{line.strip()}" for line in tests[: self.shown_tests])
        return sentence, sentence.strip() + (f"\n\nFor example:{shown}" if shown else "")

    def _tested(
        self,
        statement: tuple[str, str],
        oracle: TestOracle | EvalPlusOracle,
        entry_point: str,
        header: str,
        inputs: tuple[str, ...],
    ) -> Tested:
        sentence, shown = statement
        problem = Problem(
            id=oracle.problem_id,
            statement=shown,
            starter_code=signature(oracle.program, entry_point),
            entry_point=entry_point,
            inputs=inputs,
            source=self.source,
            difficulty="",
            prefix=TYPING + header,
        )
        return Tested(problem, oracle, sentence)


def called_function(code: str, tests: Sequence[str]) -> str:
    """Return the function of ``code`` that the tests call; the last one defined, if they call several.

    Raises:
        ValueError: they call none.
        SyntaxError: something does not parse.
    """
    called = {
        node.func.id
        for line in tests
        for node in ast.walk(parse(line.strip()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    defined = [node.name for node in parse(code).body if isinstance(node, ast.FunctionDef)]
    tested = [name for name in defined if name in called]
    if not tested:
        raise ValueError(f"its tests call none of its functions: {', '.join(defined) or 'there are none'}")
    return tested[-1]


def signature(code: str, entry_point: str) -> str:
    """Return ``def name(arguments):`` of a function of ``code``, without its body; ValueError if there is none."""
    for node in parse(code).body:
        if isinstance(node, ast.FunctionDef) and node.name == entry_point:
            returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            return f"def {entry_point}({ast.unparse(node.args)}){returned}:\n"
    raise ValueError(f"its code defines no function {entry_point!r}")


def _lines(row: Row, field: str) -> list[str]:
    value = row[field]
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise TypeError(f"{field} must be a list of texts")
    return value
