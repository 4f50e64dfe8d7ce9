"""Read tests from a model's reply, or a line of a pool; unusable ones are counted by reason."""

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from inspect import Signature
from typing import TypeVar

from conself.generated_tests.generated_test import GeneratedTest, ReadTests, Reason, Unusable
from conself.generated_tests.lists import Item, are_arguments, fields, listed
from conself.generated_tests.literals import Literal, checked_text, claimed, of_node
from conself.generated_tests.signatures import may_be_text, only_parameter, positional, signature
from conself.generated_tests.statements import call_and_claim, statements
from conself.records import Problem
from conself.sandbox import UNREADABLE, canonical
from conself.sandbox.jobs import arguments
from conself.sandbox.jsonlines import Json

Case = tuple[str, str | None]
"""An input and a claimed output, as :class:`GeneratedTest` has them."""

Written = TypeVar("Written")


@dataclass(frozen=True)
class TestReader:
    """Reads tests of a problem: calls with literals as arguments, or texts for standard input.

    Args:
        max_cases: the most tests of a reply, the first ones.
        max_literal_bytes: the largest size in UTF-8 of an input's and a claimed output's literal.

    Raises:
        ValueError: one of them is below 1.
    """

    __test__ = False  # pytest takes the name for a test class

    max_cases: int
    max_literal_bytes: int

    def __post_init__(self) -> None:
        for name in ("max_cases", "max_literal_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"tests.{name} must be at least 1, got {getattr(self, name)}")

    def of_reply(self, problem: Problem, reply: int, text: str) -> ReadTests:
        """Read the distinct tests of one reply, the problem's ``reply``-th.

        A list of objects with ``input`` and ``expected`` takes precedence over asserts and calls, which stdin problems
        don't have. Where a function takes one argument and most inputs of the list are no lists of one, all are taken
        for the argument itself, as models write it. ``text`` must be the answer alone: reasoning before it would be
        read as well.
        """
        entry_point, rejected = problem.entry_point, Counter[Reason]()
        shape = signature(problem)
        if (items := listed(text)) is not None:
            bare = entry_point is not None and only_parameter(shape) is not None and are_arguments(items)
            cases = self._cases(items, lambda item: self._of_fields(item, entry_point is None, shape, bare), rejected)
        else:
            asserted = () if entry_point is None else statements(text, entry_point)
            cases = self._cases(asserted, lambda each: self._of_statement(each, str(entry_point), shape), rejected)
        distinct: dict[tuple[str, str | None], Case] = {}
        for case in cases:
            distinct.setdefault((input_key(case[0], entry_point is None), case[1]), case)
        kept = list(distinct.values())
        rejected[Reason.REPEATED] += len(cases) - len(kept)
        rejected[Reason.TOO_MANY] += max(len(kept) - self.max_cases, 0)
        if not cases and not rejected.total():
            rejected[Reason.NO_TESTS] = 1
        tests = (GeneratedTest(problem.id, reply, index, *case) for index, case in enumerate(kept[: self.max_cases]))
        return ReadTests(tuple(tests), dict(+rejected))

    def of_line(self, problem: Problem, items: Sequence[Json]) -> ReadTests:
        """Read the tests of a line of a pool, JSON objects with ``input`` and ``expected``; each is a separate reply.

        An input of a call problem is a JSON array of arguments or ``{"py": "<literal of a tuple>"}``, its output any
        JSON value or ``{"py": "<literal>"}``. Both are texts for a stdin problem. Equal tests are kept: their number is
        evidence.
        """
        rejected = Counter[Reason]()
        is_stdin, shape, tests = problem.entry_point is None, signature(problem), []
        for reply, item in enumerate(items):
            for case in self._cases([item], lambda item: self._of_fields(item, is_stdin, shape), rejected):
                tests.append(GeneratedTest(problem.id, reply, 0, *case))
        return ReadTests(tuple(tests), dict(rejected))

    def _cases(
        self, items: Iterable[Written], read: Callable[[Written], Case], rejected: Counter[Reason]
    ) -> list[Case]:
        """Convert the items that ``read`` can read; the others are counted in ``rejected``."""
        cases = []
        for item in items:
            try:
                cases.append(read(item))
            except Unusable as unusable:
                rejected[unusable.reason] += 1
        return cases

    def _of_fields(self, item: Item, is_stdin: bool, shape: Signature | None, is_argument: bool = False) -> Case:
        raw_input, output = fields(item, is_argument)
        expected = None if output is None else claimed(output, self.max_literal_bytes)
        if is_stdin:
            if not isinstance(raw_input.value, str):
                raise Unusable(Reason.INPUT_NO_LITERAL)
            if output is not None and not isinstance(output.value, str):
                raise Unusable(Reason.OUTPUT_NO_LITERAL)
            return checked_text(raw_input.value, self.max_literal_bytes), expected
        if not isinstance(raw_input.value, tuple):
            raise Unusable(Reason.INPUT_NO_LITERAL)
        positional(shape, raw_input.value, {})
        if is_argument and isinstance(raw_input.value[0], str) and not may_be_text(only_parameter(shape)):
            raise Unusable(Reason.ARITY)  # such as "[1, 2]" for a list
        return self._input(raw_input), expected

    def _of_statement(self, asserted: ast.expr | Reason, entry_point: str, shape: Signature | None) -> Case:
        if isinstance(asserted, Reason):
            raise Unusable(asserted)
        call, claim = call_and_claim(asserted, entry_point)
        nodes = {str(place): node for place, node in enumerate(call.args)}
        keywords = {str(keyword.arg): keyword.value for keyword in call.keywords}
        names = positional(shape, call.args, keywords)
        whole = ast.Tuple([{**nodes, **keywords}[name] for name in names], ast.Load())
        arguments = of_node(whole, Reason.INPUT_NO_LITERAL)
        expected = claimed(of_node(claim, Reason.OUTPUT_NO_LITERAL), self.max_literal_bytes)
        return self._input(arguments), expected

    def _input(self, literal: Literal) -> str:
        if UNREADABLE in canonical(literal.value):
            raise Unusable(Reason.TOO_DEEP)
        return checked_text(literal.text, self.max_literal_bytes)


def input_key(text: str, is_stdin: bool) -> str:
    """Return the canonical form of an input, independent of its spelling.

    Raises:
        ValueError: the input of a call is not the literal of a tuple.
    """
    return text if is_stdin else canonical(arguments(text))
