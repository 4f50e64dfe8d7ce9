"""Read a model's values on the trusted side: Python literals and JSON values, never expressions."""

import ast
from dataclasses import dataclass

from conself.generated_tests.generated_test import Reason, Unusable
from conself.sandbox import UNREADABLE, canonical
from conself.sandbox.jsonlines import Plain
from conself.sandbox.jsonlines import literal as text_of
from conself.sandbox.sources import Value, parse

NOT_READ = (SyntaxError, ValueError, TypeError, MemoryError, RecursionError)
"""Exceptions of Python's parser and ``literal_eval``: TypeError for a list as the key of a dict."""


@dataclass(frozen=True)
class Literal:
    """A value, and the text of its literal."""

    value: Value
    text: str


def expression(text: str) -> ast.expr:
    """Parse a text that is a single expression.

    Raises:
        Unusable: it is not.
    """
    try:
        body = parse(text.strip()).body
    except NOT_READ:
        raise Unusable(Reason.NO_PYTHON) from None
    if len(body) == 1 and isinstance(body[0], ast.Expr):
        return body[0].value
    raise Unusable(Reason.NO_PYTHON)


def of_node(node: ast.expr, otherwise: Reason) -> Literal:
    """Read an expression that is a literal.

    Raises:
        Unusable: it is not; for the reason ``otherwise``.
    """
    try:
        return Literal(ast.literal_eval(node), ast.unparse(node))
    except NOT_READ:
        raise Unusable(otherwise) from None


def of_json(value: Plain, otherwise: Reason) -> Literal:
    """Read a JSON value, or the literal in ``{"py": "<literal>"}``, for values that JSON lacks.

    Raises:
        Unusable: the text is no literal, or the value has none; for the reason ``otherwise``.
    """
    try:
        if isinstance(value, dict) and set(value) == {"py"} and isinstance(value["py"], str):
            return of_node(expression(value["py"]), otherwise)
        return Literal(value, text_of(value, strict=otherwise is Reason.INPUT_NO_LITERAL))
    except NOT_READ:
        raise Unusable(otherwise) from None


def checked_text(text: str, max_bytes: int) -> str:
    """Return the text, checked.

    Raises:
        Unusable: it is longer than ``max_bytes`` in UTF-8, or cannot be encoded.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Unusable(Reason.NO_UTF8) from None
    if size > max_bytes:
        raise Unusable(Reason.TOO_LONG)
    return text


def claimed(output: Literal, max_bytes: int) -> str:
    """Return the canonical form of a claimed output.

    Raises:
        Unusable: its literal is longer than ``max_bytes``, or it nests too deeply to equal anything.
    """
    if len(output.text.encode("utf-8", "surrogatepass")) > max_bytes:
        raise Unusable(Reason.TOO_LONG)
    text = canonical(output.value)
    if UNREADABLE in text:
        raise Unusable(Reason.TOO_DEEP)
    return text
