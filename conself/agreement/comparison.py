"""Equality of outputs: for clusters, consensus, and verdicts of benchmarks without a harness of their own.

``docs/equality.md`` explains it, with a table of pairs. Values arrive as the canonical text that the sandbox
recorded (``conself.sandbox.canonical``): compact JSON in which an object ``{"<tag>": ...}`` stands for a type that JSON
lacks. Candidates chose these values, so they are parsed as hostile text: no int is built from an unbounded number
of digits, and nesting is limited.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from conself.agreement.linkage import Number, linked
from conself.records import UNREADABLE
from conself.sandbox.jsonlines import Json

MAX_DEPTH = 320
"""JSON levels that are parsed: more than the 100 levels of nesting that the sandbox records can take (3 each, for
dicts). A value that nests deeper compares by its recorded text."""

NUMBERS, FLOATS = ("by_value", "by_type"), ("digits", "tolerance")
"""The allowed values of ``Comparison.numbers`` and ``Comparison.floats``."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_UNORDERED_DIGITS = 12
_LONGEST = 400  # digits of a number in a text, or of a Decimal's or Fraction's parts; longer ones compare as text
_SMALL = 2**63


class _Int(str):
    """The digits of an int: equal as numbers exactly when equal as canonical text."""


@dataclass
class _Leaves:
    """The numbers in a value that compare within a tolerance, by position; None: no number here does."""

    numbers: list[Number] | None = None
    digits: int = _UNORDERED_DIGITS

    def inside_unordered(self) -> "_Leaves":
        """Numbers inside a set or a dict's keys have no position, so they are compared by digits."""
        return _Leaves(None, self.digits)


@dataclass(frozen=True)
class Comparison:
    """Equality of outputs (docs/method.md#clusters), as a map from recorded texts to comparison keys.

    None is a valid value, sets and dicts have no order, -0.0 equals 0.0 and nan equals nan. A set differs from a
    frozenset and bytes from a bytearray; objects are equal where class name and attributes are. Text that is not
    canonical, or nests deeper than ``MAX_DEPTH``, equals itself only; a value with a part that cannot be read equals
    nothing.

    Args:
        list_equals_tuple: ``[1, 2]`` and ``(1, 2)`` are equal, at every level.
        numbers: ``by_value``: 6, 6.0, Decimal(6), Fraction(6) and ``"6.0"`` among the tokens of standard output are
            equal, and so are 1 and True. ``by_type``: int, float and bool are distinct, and output is text.
        floats: ``digits``: floats compare at ``float_digits``. ``tolerance``: the values on one input are grouped,
            place by place where their shapes are the same (:func:`conself.agreement.linkage.linked`); whole numbers are
            never rounded, and in sets and keys of dicts floats compare at 12 digits.
        float_digits: significant decimal digits at which floats (and the parts of complex numbers) compare under
            ``digits``; 17 distinguishes all floats.
        split_whitespace: standard output compares as its whitespace-separated tokens, not byte by byte.

    Raises:
        ValueError: ``float_digits`` lies outside 1..17, or ``numbers`` or ``floats`` is another word.
    """

    list_equals_tuple: bool
    numbers: str
    floats: str
    float_digits: int
    split_whitespace: bool

    def __post_init__(self) -> None:
        if not 1 <= self.float_digits <= 17:
            raise ValueError(
                f"comparison.float_digits must lie in 1..17, got {self.float_digits}; docs/method.md#clusters has 6"
            )
        for name, allowed in (("numbers", NUMBERS), ("floats", FLOATS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"comparison.{name} must be {' or '.join(allowed)}, got {getattr(self, name)!r}")

    @property
    def is_by_value(self) -> bool:
        """Return whether numbers of different types can be equal."""
        return self.numbers == "by_value"

    def key(self, value: str, is_stdout: bool) -> str | None:
        """Return the key of a value that is the only one on its input: see :meth:`keys`."""
        return self.keys((value,), is_stdout)[0]

    def keys(self, values: Sequence[str], is_stdout: bool) -> list[str | None]:
        """Return a key per value of one input, equal exactly when the values are; None equals nothing, nor itself."""
        if self.floats == "digits":
            return [None if UNREADABLE in value else self._shape(value, is_stdout, None) for value in values]
        leaves: list[list[Number]] = [[] for _ in values]
        shapes = [self._shape(value, is_stdout, own) for value, own in zip(values, leaves, strict=True)]
        groups: dict[tuple[str, int], list[int]] = {}
        for index, (shape, own) in enumerate(zip(shapes, leaves, strict=True)):
            groups.setdefault((shape, len(own)), []).append(index)
        keys: list[str | None] = list(shapes)
        for (shape, count), members in groups.items():
            columns = [linked([leaves[index][place] for index in members]) for place in range(count)]
            for row, index in enumerate(members):
                if count:
                    keys[index] = (
                        f"{shape}@{','.join(self._number(column[row], _UNORDERED_DIGITS) for column in columns)}"
                    )
        return [None if UNREADABLE in value else key for value, key in zip(values, keys, strict=True)]

    def equal(self, one: str, other: str, is_stdout: bool) -> bool:
        """Return whether two recorded values are equal when compared with each other alone."""
        left, right = self.keys((one, other), is_stdout)
        return left is not None and left == right

    def _shape(self, value: str, is_stdout: bool, numbers: list[Number] | None) -> str:
        """Return the value's normalised text, with a mark in place of each number, which is appended to ``numbers``."""
        if _depth(value) > MAX_DEPTH:
            return f"text:{value}"
        leaves = _Leaves(numbers, self.float_digits if self.floats == "digits" else _UNORDERED_DIGITS)
        try:
            node = json.loads(value, parse_int=_Int, parse_float=_refuse, parse_constant=_refuse)
            if is_stdout and self.split_whitespace and isinstance(node, str):
                return json.dumps(" ".join([self._token(token, leaves) for token in node.split()]))
            return self._text(node, leaves)
        except ValueError:
            if numbers is not None:
                numbers.clear()
            return f"text:{value}"

    def _token(self, token: str, leaves: _Leaves) -> str:
        if not self.is_by_value or len(token) > _LONGEST or not _NUMBER.fullmatch(token):
            return token
        number = _of_decimal(token)
        return token if number is None else self._leaf(number, leaves)

    def _text(self, node: object, leaves: _Leaves) -> str:
        """Return the normalised JSON of a parsed node; raises ValueError if the node is not canonical."""
        if isinstance(node, bool) and self.is_by_value:
            return self._leaf(int(node), leaves)
        if isinstance(node, _Int):
            return self._leaf(int(node), leaves) if self.is_by_value and len(node) < _LONGEST else str(node)
        if node is None or isinstance(node, bool | str):
            return json.dumps(node)
        if isinstance(node, list):
            return f"[{','.join([self._text(item, leaves) for item in node])}]"
        if isinstance(node, dict) and len(node) == 1:
            [(tag, content)] = node.items()
            if tag in _TAGS:
                return _TAGS[tag](self, content, leaves)
        raise ValueError("not canonical")

    def _float(self, content: object, leaves: _Leaves) -> str:
        if isinstance(content, _Int) or not isinstance(content, str):
            raise ValueError("not canonical")
        return self._leaf(float(content), leaves)

    def _leaf(self, number: Number, leaves: _Leaves) -> str:
        if leaves.numbers is None or number - number != 0:  # the latter of nan and infinity
            return self._number(number, leaves.digits)
        leaves.numbers.append(number)
        return "\0"

    def _number(self, number: Number, digits: int) -> str:
        """Return a number's text at ``digits``; under ``tolerance`` and by value, whole numbers keep all of theirs."""
        if isinstance(number, float) and self.is_by_value and number.is_integer():
            number = int(number)
        if not isinstance(number, float):
            return str(number) if -_SMALL < number < _SMALL else f'{{"i":"{number:x}"}}'
        if self.floats == "tolerance" and number.is_integer():
            digits = 17
        text = f"{0.0 if number == 0 else number:.{digits}g}"
        return text if self.is_by_value and text.lstrip("-").isdigit() else f'{{"f":{text}}}'

    def _items(self, content: object, leaves: _Leaves) -> list[str]:
        if not isinstance(content, list):
            raise ValueError("not canonical")
        return [self._text(item, leaves) for item in content]


def _refuse(text: str) -> object:
    raise ValueError(f"not canonical: {text}")


def _depth(value: str) -> int:
    """Return the nesting depth of a JSON text, or the number of opening brackets if that is low enough."""
    openings = value.count("[") + value.count("{")
    if openings <= MAX_DEPTH:
        return openings
    depth = deepest = 0
    for mark in re.findall(r"[][{}]", _STRING.sub("", value)):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _of_decimal(text: str) -> Number | None:
    """Parse a decimal's text: an int if it is whole; None if it is no number or too large."""
    try:
        number = Decimal(text)
        if number.is_finite() and abs(number.adjusted()) > _LONGEST:
            return None
        return int(number) if number.is_finite() and number == number.to_integral_value() else float(number)
    except (InvalidOperation, ValueError):
        return None


Writer = Callable[[Comparison, Json, _Leaves], str]


def _verbatim(tag: str) -> Writer:
    return lambda _, content, __: json.dumps({tag: content})


def _big(comparison: Comparison, content: object, leaves: _Leaves) -> str:
    if not isinstance(content, str) or not re.fullmatch(r"-?[0-9a-f]+", content):
        raise ValueError("not canonical")
    return comparison._leaf(int(content, 16), leaves) if comparison.is_by_value else json.dumps({"i": content})


def _tuple(comparison: Comparison, content: object, leaves: _Leaves) -> str:
    text = f"[{','.join(comparison._items(content, leaves))}]"
    return text if comparison.list_equals_tuple else f'{{"t":{text}}}'


def _set(tag: str) -> Writer:
    """Sort a set again, because rounding may have changed the order."""

    def write(comparison: Comparison, content: object, leaves: _Leaves) -> str:
        return f'{{"{tag}":[{",".join(sorted(comparison._items(content, leaves.inside_unordered())))}]}}'

    return write


def _dict(comparison: Comparison, content: object, leaves: _Leaves) -> str:
    """Order a dict's values by the texts of their keys, so that each has a fixed position."""
    if not isinstance(content, list) or any(not isinstance(pair, list) or len(pair) != 2 for pair in content):
        raise ValueError("not canonical")
    keyed = [(comparison._text(key, leaves.inside_unordered()), value) for key, value in content]
    keyed.sort(key=lambda pair: pair[0])
    pairs = [f"[{key},{comparison._text(value, leaves)}]" for key, value in keyed]
    if leaves.numbers is None:  # where rounding made two keys one, their values are in no order of their own
        pairs.sort()
    return f'{{"d":[{",".join(pairs)}]}}'


def _complex(comparison: Comparison, content: object, leaves: _Leaves) -> str:
    if not isinstance(content, list) or len(content) != 2:
        raise ValueError("not canonical")
    return f'{{"c":[{",".join([comparison._float(part, leaves) for part in content])}]}}'


def _standard(comparison: Comparison, content: object, leaves: _Leaves) -> str:
    """Normalise a standard library value: a Decimal may be a number, and views of keys and items are sets."""
    if not isinstance(content, list) or len(content) != 2 or not isinstance(content[0], str):
        raise ValueError("not canonical")
    name, body = content
    if name == "Decimal" and isinstance(body, str):
        number = _of_decimal(body) if comparison.is_by_value and len(body) <= _LONGEST else None
        return json.dumps({"x": content}) if number is None else comparison._leaf(number, leaves)
    if name in _SET_LIKE:
        return _set("s")(comparison, body, leaves)
    return f'{{"x":[{json.dumps(name)},{comparison._text(body, leaves)}]}}'


def _object(comparison: Comparison, content: object, leaves: _Leaves) -> str:
    if not isinstance(content, list) or len(content) < 2:
        raise ValueError("not canonical")
    match content:
        case ["Fraction", None, "_denominator", _Int() as below, "_numerator", _Int() as above] if (
            comparison.is_by_value
        ):
            n, d = int(above), int(below)
            return comparison._leaf(n if d == 1 else n / d, leaves)
    return f'{{"O":[{",".join(comparison._items(content, leaves))}]}}'


_SET_LIKE = ("dict_keys", "dict_items")
_TAGS: dict[str, Writer] = {
    "f": lambda comparison, content, leaves: comparison._float(content, leaves),
    "i": _big,
    "c": _complex,
    "t": _tuple,
    "s": _set("s"),
    "S": _set("S"),
    "d": _dict,
    "x": _standard,
    "O": _object,
    **{tag: _verbatim(tag) for tag in ("b", "B", "r", "o")},
}
