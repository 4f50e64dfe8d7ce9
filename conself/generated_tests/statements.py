"""Read tests written as code: ``assert f(1, 2) == 3``, or ``f(1, 2) == 3`` alone. They are never executed."""

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
    """Parse the assertion of each test in a text, in order, or the reason why it cannot be read.

    A test is a line that starts with ``assert`` or with a call of the entry point, after any list marker, and its
    continuation lines; after an ``assert`` alone in its line, the call on the next one. Everything else is skipped. At
    most 300 tests are read.
    """
    mark, call = r"\s*(?:(?:[-*+]|\d+[.)])\s+)?`?", rf"(?:\w+(?:\(\))?\.)?{re.escape(entry_point)}\s*\("
    start = re.compile(rf"{mark}(?P<code>(?:assert\b|{call}).*)", re.S)
    lines = text.replace("\r\n", "\n").split("\n")
    place = tests = 0
    while place < len(lines):
        match, before = start.fullmatch(lines[place]), lines[place - 1] if place else ""
        place += 1
        if match is None or _stands_alone(lines[place - 1]):
            continue
        tests += 1
        if tests > _MOST_TESTS:
            yield Reason.TOO_MANY
            continue
        code = match["code"].rstrip().removesuffix("`")
        if _stands_alone(before) and not code.startswith("assert"):
            code = f"assert {code}"
        body, place = _statement(code, lines, place, start)
        if body is None:
            yield Reason.NO_PYTHON
        for statement in body or ():
            if isinstance(statement, ast.Assert):
                yield statement.test
            elif isinstance(statement, ast.Expr):
                yield statement.value


def _stands_alone(line: str) -> bool:
    return line.strip(" \t\\") == "assert"


def _statement(code: str, lines: list[str], place: int, start: re.Pattern[str]) -> tuple[list[ast.stmt] | None, int]:
    """Parse ``code`` with as many lines from ``place`` on as it needs, None if it is no Python; and the next line.

    A statement that is never completed takes no further line.
    """
    for following in range(place, place + _MOST_LINES):
        if (body := _body(code)) is not None:
            return body, following
        if following >= len(lines) or _ends(code, start.fullmatch(lines[following])):
            break
        code = f"{code}\n{lines[following]}"
    return None, place


def _ends(code: str, following: re.Match[str] | None) -> bool:
    """Return whether an incomplete statement ends anyway, because the next line starts another one."""
    return following is not None and (following["code"].startswith("assert") or code.count("(") <= code.count(")"))


def _body(code: str) -> list[ast.stmt] | None:
    if len(code) > _MOST_CHARACTERS:
        return None
    try:
        return parse(code).body
    except NOT_READ:
        return None


def call_and_claim(asserted: ast.expr, entry_point: str) -> tuple[ast.Call, ast.expr]:
    """Return the call of the entry point, and its claimed value.

    Accepted are ``==``, either way round, and ``is`` with None, True and False.

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
    """Return the name of a function, or of a method of any object."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
