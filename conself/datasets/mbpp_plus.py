"""MBPP+ of EvalPlus: sanitized MBPP, corrected, with many more inputs; its own file, or the hub's copy with tests."""

from dataclasses import dataclass
from typing import ClassVar

from conself.datasets.evalplus import argument_lists, check_test, is_own_form, mbpp_arguments, oracle
from conself.datasets.files.rows import Row
from conself.datasets.mbpp import Mbpp
from conself.datasets.row_reader import text
from conself.datasets.tested import Tested


@dataclass(frozen=True)
class MbppPlus(Mbpp):
    """As :class:`Mbpp`, with the same ids.

    A row of EvalPlus's own file has ``base_input`` and ``plus_input``, and is judged on both by the outputs of its
    ``canonical_solution``; its ``prompt`` is a docstring of the sentence and one assertion. A row of the hub's copy has
    a ``test``: a whole script, with inputs and tolerances.
    """

    source: ClassVar[str] = "MBPP+"

    def read(self, row: Row) -> Tested:
        """Read one row; raises KeyError, TypeError, ValueError or SyntaxError if it is malformed.

        Raises:
            WrongFileError: the row is MBPP's own.
        """
        if not is_own_form(row):
            check_test(str(row.get("test", "")), f"MBPP's problem {row.get('task_id')}")
            return super().read(row)
        name, code, entry_point = text(row, "task_id"), text(row, "canonical_solution"), text(row, "entry_point")
        sentence, shown = _stated(text(row, "prompt"))
        listed = [line for line in _assertions(text(row, "assertion")) if line not in shown]
        convert = mbpp_arguments(name)
        base, plus = (argument_lists(row, field, convert) for field in ("base_input", "plus_input"))
        expected = oracle(row, "mbpp", name, code, entry_point, len(base))
        return self._tested(self._statement(sentence, [*shown, *listed]), expected, entry_point, "", base + plus)

    def fingerprint(self) -> str:
        """Return the identity of the files' content.

        Raises:
            WrongFileError: a local file is MBPP's own, which is thus reported before any work.
        """
        self.check_first_row()
        return super().fingerprint()

    def test(self, row: Row, listed: str) -> str:  # noqa: ARG002 - its tests are among those of the script
        """Return the row's script."""
        return text(row, "test")


def _stated(prompt: str) -> tuple[str, list[str]]:
    """Return the sentence in a docstring, and the assertions that follow it."""
    inside = prompt.strip().strip('"').strip()
    lines = [line for line in inside.splitlines() if not line.startswith("assert")]
    return "\n".join(lines).strip(), _assertions(inside)


def _assertions(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("assert")]
