"""Tests written as a list of objects: JSON, as testers are asked for, or the same in Python's words."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from conself.generated_tests.generated_test import Reason, Unusable
from conself.generated_tests.literals import NOT_READ, Literal, expression, of_json, of_node

CLAIMS = ("expected", "output")
"""The keys of a claimed output; of both the first counts."""

_START = re.compile(r"\[\s*\{")
_MOST_STARTS = 8  # of lists that a text is tried for
_DECODER = json.JSONDecoder()

Fields = tuple[Literal, Literal | None]
"""The input, and the claimed output where there is one."""


def listed(text: str) -> list[Any] | None:
    """The first list of objects with an ``input`` that a text holds, of JSON values or of Python's nodes; or None."""
    for match in islice(_START.finditer(text), _MOST_STARTS):
        for read in (_json_list, _python_list):
            items = read(text[match.start() :])
            if any(isinstance(item, Mapping) and "input" in item for item in items):
                return items
    return None


def fields(item: Any) -> Fields:
    """The literals of one object of a list; a list of arguments is read as their tuple.

    Raises:
        Unusable: it is no object with an ``input``, or one of them is no literal.
    """
    if not (isinstance(item, Mapping) and "input" in item):
        raise Unusable(Reason.NO_OBJECT)
    claim = next((item[key] for key in CLAIMS if key in item), _NOTHING)
    output = None if claim is _NOTHING else _literal(claim, Reason.OUTPUT_NO_LITERAL)
    given = item["input"]
    if isinstance(given, ast.List):
        given = ast.Tuple(given.elts, ast.Load())
    return _literal(tuple(given) if isinstance(given, list) else given, Reason.INPUT_NO_LITERAL), output


_NOTHING = object()  # null claims that None is returned


def _literal(value: Any, otherwise: Reason) -> Literal:
    return of_node(value, otherwise) if isinstance(value, ast.expr) else of_json(value, otherwise)


def _json_list(text: str) -> list[Any]:
    try:
        value, _ = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return []
    return list(value)


def _python_list(text: str) -> list[Any]:
    """The items of a display of dicts, whose values stay nodes; it ends with the text's last bracket."""
    try:
        node = expression(text[: text.rindex("]") + 1])
    except NOT_READ:
        return []
    items = node.elts if isinstance(node, ast.List) else []
    return [dict(_entries(item)) if isinstance(item, ast.Dict) else None for item in items]


def _entries(node: ast.Dict) -> Iterator[tuple[Any, ast.expr]]:
    return (
        (key.value, value) for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
    )
