"""Read tests written as a list of objects: JSON, as requested from testers, or Python literals."""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from conself.generated_tests.generated_test import Reason, Unusable
from conself.generated_tests.literals import NOT_READ, Literal, expression, of_json, of_node
from conself.sandbox.jsonlines import Json, Plain

CLAIMS = ("expected", "output")
"""The keys of a claimed output; of both the first counts."""

_START = re.compile(r"\[\s*\{")
_MOST_STARTS = 8  # of lists that a text is tried for
_DECODER = json.JSONDecoder()

Item = Json | Mapping[str, ast.expr]
"""Of a list: a value of JSON, or a Python dict's values by those of its keys that are texts."""
Fields = tuple[Literal, Literal | None]
"""The input, and the claimed output where there is one."""


def listed(text: str) -> Sequence[Item] | None:
    """Find the first list of objects with an ``input`` in a text, of JSON values or Python nodes; or None."""
    for match in islice(_START.finditer(text), _MOST_STARTS):
        for read in (_json_list, _python_list):
            items = read(text[match.start() :])
            if any(isinstance(item, Mapping) and "input" in item for item in items):
                return items
    return None


def fields(item: Item, is_argument: bool = False) -> Fields:
    """Read the literals of one object of a list; a list of arguments becomes their tuple.

    ``is_argument``: the input is the only argument itself, and becomes a tuple of one.

    Raises:
        Unusable: it is no object with an ``input``, or one of them is no literal.
    """
    if not (isinstance(item, Mapping) and "input" in item):
        raise Unusable(Reason.NO_OBJECT)
    key = next((key for key in CLAIMS if key in item), None)
    output = None if key is None else _literal(item[key], Reason.OUTPUT_NO_LITERAL)
    return _literal(_call(item["input"], is_argument), Reason.INPUT_NO_LITERAL), output


def _call(raw_input: Json | ast.expr, is_argument: bool) -> Plain | ast.expr:
    """Turn a list of arguments, or a single argument, into their tuple; other values stay, and ``{"py": ...}``."""
    if isinstance(raw_input, ast.expr):
        listed_nodes = raw_input.elts if isinstance(raw_input, ast.List) else None
        nodes = [raw_input] if is_argument and not _names_py(raw_input) else listed_nodes
        return raw_input if nodes is None else ast.Tuple(nodes, ast.Load())
    if is_argument and not _is_quoted(raw_input):
        return (raw_input,)
    return tuple(raw_input) if isinstance(raw_input, list) else raw_input


def are_arguments(items: Sequence[Item]) -> bool:
    """Return whether most inputs of a list are no calls with one argument, a list of it or ``{"py": ...}``."""
    votes = [_is_argument(item["input"]) for item in items if isinstance(item, Mapping) and "input" in item]
    return votes.count(True) > votes.count(False)


def _is_argument(raw_input: Json | ast.expr) -> bool | None:
    """Return whether an input can only be the argument itself; None if it cannot be read."""
    try:
        value = ast.literal_eval(raw_input) if isinstance(raw_input, ast.expr) else raw_input
    except NOT_READ:
        return None
    return not (_is_quoted(value) or (isinstance(value, list | tuple) and len(value) == 1))


def _names_py(node: ast.expr) -> bool:
    return isinstance(node, ast.Dict) and [key.value for key in node.keys if isinstance(key, ast.Constant)] == ["py"]


def _is_quoted(value: object) -> bool:
    """Return whether a value is ``{"py": "<literal>"}``."""
    return isinstance(value, dict) and set(value) == {"py"} and isinstance(value["py"], str)


def _literal(value: Plain | ast.expr, otherwise: Reason) -> Literal:
    return of_node(value, otherwise) if isinstance(value, ast.expr) else of_json(value, otherwise)


def _json_list(text: str) -> list[Json]:
    try:
        value, _ = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return []
    return list(value)


def _python_list(text: str) -> list[Mapping[str, ast.expr] | None]:
    """Parse a list of dicts, whose values stay nodes; it ends with the text's last bracket."""
    try:
        node = expression(text[: text.rindex("]") + 1])
    except NOT_READ:
        return []
    items = node.elts if isinstance(node, ast.List) else []
    return [dict(_entries(item)) if isinstance(item, ast.Dict) else None for item in items]


def _entries(node: ast.Dict) -> Iterator[tuple[str, ast.expr]]:
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value, value
