"""When are two outputs the same output? One answer for clustering, for consensus and for judging.

Values arrive as the canonical text that the sandbox recorded (``conself.sandbox.canonical``): compact JSON in
which an object ``{"<tag>": ...}`` stands for a type that JSON lacks. Candidates chose these values, so they are
parsed as hostile text: no int is ever built from digits, and nesting is bounded.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_DEPTH = 320
"""JSON levels that are parsed: more than the 100 levels of nesting that the sandbox records can take (3 each, for
dicts). A value that nests deeper compares by its recorded text."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


class _Int(str):
    """The digits of an int: equal as numbers exactly when equal as canonical text."""


@dataclass(frozen=True)
class Comparison:
    """Equality of outputs (METHOD, "clusters"), as a map from recorded text to comparison key.

    int, float and bool are distinct, None is a valid value, sets and dicts have no order, -0.0 equals 0.0 and nan
    equals nan. A set differs from a frozenset and bytes from a bytearray; an opaque object equals another of its
    type name. Text that is not canonical, or nests deeper than ``MAX_DEPTH``, equals itself only.

    Args:
        list_equals_tuple: ``[1, 2]`` and ``(1, 2)`` are one value, at every level.
        float_digits: significant decimal digits at which floats (and the parts of complex numbers) compare; 17
            tells all floats apart.
        split_whitespace: standard output compares as its whitespace-separated tokens, not byte by byte.

    Raises:
        ValueError: ``float_digits`` lies outside 1..17.
    """

    list_equals_tuple: bool
    float_digits: int
    split_whitespace: bool

    def __post_init__(self) -> None:
        if not 1 <= self.float_digits <= 17:
            raise ValueError(
                f"comparison.float_digits must lie in 1..17, got {self.float_digits}; METHOD compares at 6"
            )

    def key(self, value: str, is_stdout: bool) -> str:
        """Text that is equal for two recorded values exactly when the values are equal under these settings."""
        if _depth(value) > MAX_DEPTH:
            return f"text:{value}"
        try:
            node = json.loads(value, parse_int=_Int, parse_float=_refuse, parse_constant=_refuse)
            if is_stdout and self.split_whitespace and isinstance(node, str):
                node = " ".join(node.split())
            return self._text(node)
        except ValueError:
            return f"text:{value}"

    def _text(self, node: object) -> str:
        """Normalised JSON of a parsed node; a ValueError means that the node is not canonical."""
        if isinstance(node, _Int):
            return str(node)
        if node is None or isinstance(node, bool | str):
            return json.dumps(node)
        if isinstance(node, list):
            return f"[{','.join(map(self._text, node))}]"
        if isinstance(node, dict) and len(node) == 1:
            [(tag, content)] = node.items()
            if tag in _TAGS:
                return _TAGS[tag](self, content)
        raise ValueError("not canonical")

    def _float(self, content: object) -> str:
        if isinstance(content, _Int) or not isinstance(content, str):
            raise ValueError("not canonical")
        number = float(content)
        return f"{0.0 if number == 0 else number:.{self.float_digits}g}"

    def _items(self, content: object) -> list[str]:
        if not isinstance(content, list):
            raise ValueError("not canonical")
        return [self._text(item) for item in content]


def _refuse(text: str) -> object:
    raise ValueError(f"not canonical: {text}")


def _depth(value: str) -> int:
    """Deepest nesting of a JSON text; the count of openings alone where that settles it."""
    openings = value.count("[") + value.count("{")
    if openings <= MAX_DEPTH:
        return openings
    depth = deepest = 0
    for mark in re.findall(r"[][{}]", _STRING.sub("", value)):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _verbatim(tag: str) -> Callable[[Comparison, object], str]:
    return lambda _, content: json.dumps({tag: content})


def _tuple(comparison: Comparison, content: object) -> str:
    text = f"[{','.join(comparison._items(content))}]"
    return text if comparison.list_equals_tuple else f'{{"t":{text}}}'


def _unordered(tag: str) -> Callable[[Comparison, object], str]:
    """Sets, and dicts as sets of [key, value]: sorted again, because rounding may have changed the order."""
    return lambda comparison, content: f'{{"{tag}":[{",".join(sorted(comparison._items(content)))}]}}'


_TAGS: dict[str, Callable[[Comparison, object], str]] = {
    "f": lambda comparison, content: f'{{"f":{comparison._float(content)}}}',
    "c": lambda comparison, content: f'{{"c":[{",".join(map(comparison._float, _pair(content)))}]}}',
    "t": _tuple,
    "s": _unordered("s"),
    "S": _unordered("S"),
    "d": _unordered("d"),
    **{tag: _verbatim(tag) for tag in ("i", "b", "B", "r", "o")},
}


def _pair(content: object) -> list[object]:
    if not isinstance(content, list) or len(content) != 2:
        raise ValueError("not canonical")
    return content
