"""The record of a generated test, and what reading tests gives beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class GeneratedTest:
    """An input of a problem, and the output that somebody claims for it; what is claimed may be wrong.

    Attributes:
        problem_id: the problem that it is a test of.
        reply: which of the problem's replies it stands in, from 0.
        index: its place among the tests of that reply, from 0; those that were rejected have none.
        input: as ``Problem.inputs`` has them: the literal of the tuple of positional arguments, or the text on
            standard input.
        expected: the claimed output in the form that the sandbox records (:mod:`conself.sandbox.canonical`), which for
            a stdin program is that of a text; None where none is claimed.
    """

    problem_id: str
    reply: int
    index: int
    input: str
    expected: str | None


class Reason(StrEnum):
    """Why a test, or a whole reply, cannot be used."""

    NO_TESTS = "no test in the reply"
    NO_PYTHON = "no Python expression"
    NO_EQUALITY = "no equality of a call with a value"
    OTHER_CALL = "a call of something else"
    NO_OBJECT = "no object with an input"
    INPUT_NO_LITERAL = "an input that is no literal"
    OUTPUT_NO_LITERAL = "a claimed output that is no literal"
    ARITY = "arguments that do not fit the signature"
    TOO_LONG = "a literal that is too long"
    TOO_DEEP = "a value that is nested too deeply"
    NO_UTF8 = "text that cannot be written as UTF-8"
    REPEATED = "a test that the reply has already"
    TOO_MANY = "beyond the tests that count of a reply"


@dataclass(frozen=True, slots=True)
class ReadTests:
    """The tests of one reply, or of one line of a pool, and how many were rejected for each reason."""

    tests: tuple[GeneratedTest, ...]
    rejected: Mapping[Reason, int]


class Unusable(ValueError):  # noqa: N818 - a verdict on a model's text, not an error
    """A test cannot be used; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
