"""Records of generated tests, and of reading them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class GeneratedTest:
    """An input of a problem with a claimed output, which may be wrong.

    Attributes:
        problem_id: the problem that it tests.
        reply: the number of the problem's reply that contains it, from 0.
        index: its place among the tests of that reply, from 0; rejected tests have none.
        input: as in ``Problem.inputs``: the literal of the tuple of positional arguments, or the text on standard
            input.
        expected: the claimed output in the sandbox's canonical form (:mod:`conself.sandbox.canonical`), for a stdin
            program that of a text; None without a claim.
    """

    problem_id: str
    reply: int
    index: int
    input: str
    expected: str | None


class Reason(StrEnum):
    """The reason why a test, or a whole reply, cannot be used."""

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
    """The tests of one reply, or of one line of a pool, and the number rejected for each reason."""

    tests: tuple[GeneratedTest, ...]
    rejected: Mapping[Reason, int]


class Unusable(ValueError):  # noqa: N818 - a verdict on a model's text, not an error
    """A test cannot be used; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
