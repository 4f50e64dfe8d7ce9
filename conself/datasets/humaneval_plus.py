"""HumanEval+ of EvalPlus: HumanEval's problems with many more inputs; its own file, or the hub's copy with tests."""

from dataclasses import dataclass
from typing import ClassVar

from conself.datasets.evalplus import argument_lists, as_they_are, check_test, is_own_form, oracle
from conself.datasets.files.rows import Row
from conself.datasets.humaneval import HumanEval, function_to_complete
from conself.datasets.row_reader import text
from conself.datasets.tested import Tested


@dataclass(frozen=True)
class HumanEvalPlus(HumanEval):
    """As :class:`HumanEval`, with the same ids.

    A row of EvalPlus's own file has ``base_input`` and ``plus_input``, and is judged on both by the outputs of its
    ``canonical_solution``; its ``test``, HumanEval's original one, is not used. A row of the hub's copy has a ``test``
    with inputs, outputs and tolerances.
    """

    source: ClassVar[str] = "HumanEval+"

    def read(self, row: Row) -> Tested:
        """Read one row; raises KeyError, TypeError, ValueError or SyntaxError if it is malformed.

        Raises:
            WrongFileError: the row is HumanEval's own.
        """
        if not is_own_form(row):
            check_test(text(row, "test"), text(row, "task_id"))
            return super().read(row)
        base, plus = (argument_lists(row, field, as_they_are) for field in ("base_input", "plus_input"))
        problem = function_to_complete(row, self.source, base + plus)
        program = problem.starter_code + text(row, "canonical_solution")
        expected = oracle(row, "humaneval", problem.id, program, text(row, "entry_point"), len(base))
        return Tested(problem, expected, problem.starter_code)

    def fingerprint(self) -> str:
        """Return the identity of the files' content.

        Raises:
            WrongFileError: a local file is HumanEval's own, which is thus reported before any work.
        """
        self.check_first_row()
        return super().fingerprint()
