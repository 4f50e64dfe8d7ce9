"""Fill the prompts that ask a model for tests of a problem; the texts are in ``conf/prompts/tester/``."""

from dataclasses import dataclass

from conself.prompts.prompts import Message, PromptStyle, by_kind, check_fields, fields
from conself.records import Problem

_FUNCTION, _STDIN = {"statement", "starter", "entry_point", "n"}, {"statement", "starter", "n"}


@dataclass(frozen=True)
class TesterTexts:
    """Templates for ``str.format``, one for functions and one for programs that read standard input.

    They may use {statement}, {starter} and {n}, the largest number of tests in an answer; the one for functions also
    {entry_point}. {starter} is ``starter``, itself filled with {starter_code}, if a problem has starter code, else
    empty.

    Raises:
        ValueError: a template has an unknown field, or lacks a required one; names the template and the field.
    """

    __test__ = False  # pytest would take this for a test class

    starter: str
    function: str
    stdin: str

    def __post_init__(self) -> None:
        check_fields("tester.starter", self.starter, {"starter_code"}, {"starter_code"})
        check_fields("tester.function", self.function, _FUNCTION, {"statement"})
        check_fields("tester.stdin", self.stdin, _STDIN, {"statement"})

    def messages(self, style: PromptStyle, problem: Problem, n: int) -> list[Message]:
        """Return the chat messages that ask for at most ``n`` tests of the problem, in the turns of ``style``."""
        values = fields(problem.statement, problem.starter_code, problem.entry_point, self.starter)
        return style.turns(by_kind(problem.entry_point, self.function, self.stdin).format(n=n, **values))
