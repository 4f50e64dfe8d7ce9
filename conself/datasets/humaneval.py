"""HumanEval and its form: a function to complete, a right completion, and a test ``check(candidate)``."""

from dataclasses import dataclass
from typing import ClassVar

from conself.datasets.files.rows import Row
from conself.datasets.row_reader import text
from conself.datasets.tested import TYPING, Tested, TestedData, called_by_name, imports
from conself.oracles import TestOracle
from conself.records import Problem


@dataclass(frozen=True)
class HumanEval(TestedData):
    """Rows with ``task_id``, ``prompt``, ``entry_point``, ``canonical_solution`` and ``test``.

    The model is shown one sentence that names the function, and then the benchmark's prompt unchanged, which is the
    problem's starter code: a completion continues it. Programs run after the prompt's imports and those of
    ``typing``, which the answers of chat models often lack.
    """

    source: ClassVar[str] = "HumanEval"
    whole: ClassVar[str] = "HumanEval"

    def read(self, row: Row) -> Tested:
        """Read one row; raises KeyError, TypeError, ValueError or SyntaxError if it is malformed."""
        problem = function_to_complete(row, self.source, ())
        test = called_by_name(text(row, "test"), str(problem.entry_point))
        program = problem.starter_code + text(row, "canonical_solution")
        return Tested(problem, TestOracle(problem.id, program, test), problem.starter_code)


def function_to_complete(row: Row, source: str, inputs: tuple[str, ...]) -> Problem:
    """Build the problem of a row; raises KeyError, TypeError or ValueError if it is malformed."""
    name, prompt, entry_point = text(row, "task_id"), text(row, "prompt"), text(row, "entry_point")
    return Problem(
        id=name,
        statement=f"Complete the function `{entry_point}`.",
        starter_code=prompt,
        entry_point=entry_point,
        inputs=inputs,
        source=source,
        difficulty="",
        prefix=TYPING + imports(prompt),
    )
