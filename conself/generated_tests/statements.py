"""Tests written as code, ``assert f(1, 2) == 3`` or ``f(1, 2) == 3`` alone, a statement per test. They are only read."""

import ast
import re
from collections.abc import Iterator

from conself.generated_tests.generated_test import Reason, Unusable
from conself.generated_tests.literals import NOT_READ
from conself.sandbox.sources import parse

_MOST_TESTS = 300  # of a text; whoever writes more is not read for ever
_MOST_LINES = 30  # of one statement
_MOST_CHARACTERS = 50_000


def statements(text: str, entry_point: str) -> Iterator[ast.expr | Reason]:
    """What each test of a text asserts, in order, or why it cannot be told.

    A test is a line that starts with ``assert`` or with a call of the entry point, whatever mark of a list is before
    it, and the lines that it goes on over. All else is passed over. Beyond 300 tests nothing is read.
    """
    start = re.compile(
        rf"\s*(?:(?:[-*+]|\d+[.)])\s+)?`?(?P<code>(?:assert\b|(?:\w+(?:\(\))?\.)?{re.escape(entry_point)}\s*\().*)",
        re.S,
    )
    lines = text.replace("\r\n", "\n").split("\n")
    place = tests = 0
    while place < len(lines):
        match = start.fullmatch(lines[place])
        place += 1
        if match is None:
            continue
        tests += 1
        if tests > _MOST_TESTS:
            yield Reason.TOO_MANY
            continue
        code, body = match["code"].rstrip().removesuffix("`"), None
        for further in range(_MOST_LINES):
            body = _body(code)
            following = place + further
            if body is not None or following >= len(lines) or _ends(code, start.fullmatch(lines[following])):
                break
            code = f"{code}\n{lines[following]}"
        if body is None:
            yield Reason.NO_PYTHON
            continue
        place += code.count("\n")
        for statement in body:
            if isinstance(statement, ast.Assert):
                yield statement.test
            elif isinstance(statement, ast.Expr):
                yield statement.value


def _ends(code: str, following: re.Match[str] | None) -> bool:
    """Whether a statement that isn't whole ends all the same, since the line after it starts another."""
    return following is not None and (following["code"].startswith("assert") or code.count("(") <= code.count(")"))


def _body(code: str) -> list[ast.stmt] | None:
    if len(code) > _MOST_CHARACTERS:
        return None
    try:
        return parse(code).body
    except NOT_READ:
        return None


def call_and_claim(asserted: ast.expr, entry_point: str) -> tuple[ast.Call, ast.expr]:
    """The call of the entry point, and what it is said to equal.

    ``==`` counts, either way round, and ``is`` beside None, True and False.

    Raises:
        Unusable: something else is asserted, or of another function.
    """
    if not (isinstance(asserted, ast.Compare) and len(asserted.ops) == 1):
        raise Unusable(Reason.NO_EQUALITY)
    sides = (asserted.left, asserted.comparators[0])
    is_identity = isinstance(asserted.ops[0], ast.Is) and any(
        isinstance(side, ast.Constant) and side.value in (None, True, False) for side in sides
    )
    if not (is_identity or isinstance(asserted.ops[0], ast.Eq)):
        raise Unusable(Reason.NO_EQUALITY)
    for call, claim in (sides, sides[::-1]):
        if isinstance(call, ast.Call) and _name(call.func) == entry_point:
            return call, claim
    raise Unusable(Reason.OTHER_CALL if any(isinstance(side, ast.Call) for side in sides) else Reason.NO_EQUALITY)


def _name(function: ast.expr) -> str:
    """The name of a function, or of a method of whatever object."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
