"""Recorded values for a reader: Python literals, and standard output as it was printed, both cut.

Everything here was chosen by candidates, so it is parsed as hostile text: no int is built from digits, nothing is
evaluated, and values that cannot be parsed are shown as recorded.
"""

import json
import re
from collections.abc import Callable
from typing import Any

Cut = str | list[Any]
"""A text; or ``[its beginning, its length]`` if it was cut."""

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LONGEST_PARSED = 20_000
_TAG_ITEMS = 1
_PLAIN = re.compile(r"[^{\"]*")  # numbers, constants and lists of them
_SPELLED = {"true": "True", "false": "False", "null": "None"}
_WORD = re.compile(r"true|false|null|,\s*")


class _Int(str):
    """The digits of an int."""


def visible(text: str, backslash: str = "\\") -> str:
    """Return ``text`` with bidirectional controls as escapes (``\\u202e``): they would reorder what follows."""
    return _BIDI.sub(lambda match: f"{backslash}u{ord(match[0]):04x}", text)


def cut(text: str, limit: int) -> Cut:
    """Return ``text``, or ``[first limit characters, length]`` if it is longer than ``limit`` characters."""
    return text if len(text) <= limit else [text[:limit], len(text)]


def shown(value: str, is_stdout: bool) -> str:
    """Return a recorded value (``conself.sandbox.canonical``) as a Python literal, and printed text unchanged.

    Values of more than 20,000 characters, and those that are not canonical, are given as recorded.
    """
    if _PLAIN.fullmatch(value):  # most values, and all the work where they are long
        return _WORD.sub(lambda match: _SPELLED.get(match[0], ", "), value)
    if len(value) > _LONGEST_PARSED and not (is_stdout and value.startswith('"')):
        return value
    try:
        node = json.loads(value, parse_int=_Int)
        if is_stdout and type(node) is str:
            return node
        return _literal(node)
    except (ValueError, TypeError, RecursionError):
        return value


def _literal(node: Any) -> str:
    if isinstance(node, _Int):
        return str.__str__(node)
    if node is None or isinstance(node, bool | str):
        return repr(node)
    if isinstance(node, list):
        return f"[{_items(node)}]"
    if isinstance(node, dict) and len(node) == _TAG_ITEMS:
        [(tag, content)] = node.items()
        if tag in _TAGS:
            return _TAGS[tag](content)
    raise ValueError("not canonical")


def _items(nodes: list[Any]) -> str:
    return ", ".join(node if type(node) is _Int else _literal(node) for node in nodes)


def _tuple(nodes: list[Any]) -> str:
    return f"({_items(nodes)},)" if len(nodes) == 1 else f"({_items(nodes)})"


def _complex(parts: list[Any]) -> str:
    real, imaginary = map(str, parts)
    return f"complex({real}, {imaginary})"


def _big(text: str) -> str:
    return f"-0x{text[1:]}" if text.startswith("-") else f"0x{text.lstrip('+')}"


def _standard(body: list[Any]) -> str:
    """Return a value of the standard library by its type and contents: ``deque([1])``, ``Decimal('0.5')``."""
    name, content = body
    return f"{name}({'' if content is None else _literal(content)})"


def _object(body: list[Any]) -> str:
    """Return an object: its class, the builtin value inside it and its attributes, ``Node(next=None, val=1)``."""
    name, base, *rest = body
    parts = [] if base is None else [_literal(base)]
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return f"{name}({', '.join([*parts, *(f'{attribute}={_literal(part)}' for attribute, part in pairs)])})"


_TAGS: dict[str, Callable[[Any], str]] = {
    "f": str,
    "c": _complex,
    "i": lambda content: _big(str(content)),
    "t": _tuple,
    "s": lambda content: f"{{{_items(content)}}}" if content else "set()",
    "S": lambda content: f"frozenset({{{_items(content)}}})" if content else "frozenset()",
    "d": lambda content: "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in content) + "}",
    "b": lambda content: f"bytes.fromhex({str(content)!r})",
    "B": lambda content: f"bytearray.fromhex({str(content)!r})",
    "r": lambda content: f"<reference {content} up>",
    "x": _standard,
    "O": _object,
    "o": lambda content: f"<{content} object>",
}
