"""The one text form of a recorded value: compact ASCII JSON with type tags, the same for equal builtin values.

Only exact builtin types, and the standard library's three dicts, are looked into; an instance of any other type,
subclasses included, is opaque, so no code of the program runs here and an object cannot claim to be equal to another.
Standard library only: used on both sides.

========================  =====================================================================
value                     text
========================  =====================================================================
None, bool, str           JSON; non-ASCII and lone surrogates as ``\\uXXXX``
int                       a JSON number if ``|n| < 2**63``, else ``{"i":"<hex, sign first>"}``
float                     ``{"f":"<repr>"}`` with ``nan``, ``inf``, ``-0.0``
complex                   ``{"c":["<repr of real>","<repr of imaginary>"]}``
bytes, bytearray          ``{"b":"<hex>"}``, ``{"B":"<hex>"}``
list, tuple               ``[...]``, ``{"t":[...]}``
set, frozenset            ``{"s":[...]}``, ``{"S":[...]}``, sorted by canonical text
dict                      ``{"d":[[key,value],...]}``, sorted by the canonical text of the key
Counter, defaultdict,     as the dict that each is equal to
OrderedDict
an enclosing container    ``{"r":<levels up>}``, 1 = the container that holds the reference
anything else             ``{"o":"<type name>"}``; so is a container below 100 levels of nesting
========================  =====================================================================

Where programs may import numpy, its arrays are recorded as lists and its scalars as Python's own.
"""

import json
import re
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from typing import Any, NoReturn

_MAX_DEPTH = 100
_NAME_LENGTH = 200
_SMALL = 2**63
_MOST_DIGITS = 20  # of _SMALL, with a sign
_type_name: Callable[[type], str] = type.__dict__["__name__"].__get__  # the real name, whatever a metaclass says


class TooLong(Exception):  # noqa: N818 - a signal, not an error
    """The canonical text would be longer than the limit."""


def type_name(kind: type) -> str:
    """The name of a type as at most 200 ASCII characters, read past anything that its metaclass defines."""
    return _type_name(kind)[:_NAME_LENGTH].encode("ascii", "backslashreplace").decode("ascii")[:_NAME_LENGTH]


def canonical(value: object, limit: int | None = None) -> str:
    """The canonical text of ``value`` (see the module's table).

    ``limit`` bounds the length in characters; beyond it :class:`TooLong` is raised.
    """
    if limit is None:
        return _encode(value, [], [_SMALL])
    text = _encode(value, [], [limit])  # stops early, but does not count every comma
    if len(text) > limit:
        raise TooLong
    return text


def register(kind: type, plain: Callable[[Any], object]) -> None:
    """Record instances of a library's ``kind`` as the builtin values that ``plain`` makes of them."""
    _FOREIGN[kind] = plain


def _encode(value: object, path: list[int], budget: list[int]) -> str:
    kind = type(value)
    if kind in _FOREIGN:
        value = _FOREIGN[kind](value)
        kind = type(value)
    if kind in _CONTAINERS:
        return _encode_container(value, path, budget)
    encode = _SCALARS.get(kind)
    text = encode(value) if encode else _tag("o", type_name(kind))
    budget[0] -= len(text)
    if budget[0] < 0:
        raise TooLong
    return text


def _encode_container(value: object, path: list[int], budget: list[int]) -> str:
    budget[0] -= 2
    if budget[0] < 0:
        raise TooLong
    if id(value) in path:
        return f'{{"r":{len(path) - path.index(id(value))}}}'
    if len(path) >= _MAX_DEPTH:
        return _tag("o", type_name(type(value)))
    path.append(id(value))
    if type(value) in _DICTS:
        pairs = sorted([(_encode(k, path, budget), _encode(v, path, budget)) for k, v in _items_of_dict(value)])
        text = '{"d":[' + ",".join([f"[{k},{v}]" for k, v in pairs]) + "]}"
    else:
        items = [_encode(item, path, budget) for item in value]  # type: ignore[attr-defined]
        opening, closing, is_set = _CONTAINERS[type(value)]
        text = opening + ",".join(sorted(items) if is_set else items) + closing
    path.pop()
    return text


def _tag(tag: str, text: str) -> str:
    return f'{{"{tag}":{encode_basestring_ascii(text)}}}'


def _encode_int(value: int) -> str:
    return int.__repr__(value) if -_SMALL < value < _SMALL else f'{{"i":"{value:x}"}}'


_DICTS: tuple[type, ...] = (dict, Counter, defaultdict, OrderedDict)
_items_of_dict: Callable[[Any], Any] = (
    dict.items
)  # not the value's own: Counter and OrderedDict are written in Python and can be patched
_FOREIGN: dict[type, Callable[[Any], object]] = {}
_CONTAINERS: dict[type, tuple[str, str, bool]] = {
    list: ("[", "]", False),
    tuple: ('{"t":[', "]}", False),
    set: ('{"s":[', "]}", True),
    frozenset: ('{"S":[', "]}", True),
    **dict.fromkeys(_DICTS, ('{"d":[', "]}", True)),
}
_SCALARS: dict[type, Callable[..., str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: _encode_int,
    float: lambda value: f'{{"f":"{value!r}"}}',
    str: encode_basestring_ascii,
    bytes: lambda value: _tag("b", value.hex()),
    bytearray: lambda value: _tag("B", value.hex()),
    complex: lambda value: f'{{"c":["{value.real!r}","{value.imag!r}"]}}',
}


# --- the check of text that an untrusted process wrote -------------------------------------------------------------


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a canonical number")


def _small_int(text: str) -> int:
    return int(text) if len(text) <= _MOST_DIGITS else _refuse(text)  # the time that int takes grows with the square


_SIMPLE = re.compile(
    r'(?:null|true|false|(?:0|-?[1-9]\d{0,17})|"[ !#-\[\]-~]*"|\[(?:0|-?[1-9]\d{0,17})(?:,(?:0|-?[1-9]\d{0,17}))*\])'
)
_DECODER = json.JSONDecoder(parse_int=_small_int, parse_float=_refuse, parse_constant=_refuse)
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_HEX = re.compile(r"-?[0-9a-f]*")


def is_canonical(text: str) -> bool:
    """Whether an untrusted text has the form that :func:`canonical` writes (the order inside sets is not checked)."""
    if _SIMPLE.fullmatch(text):
        return True
    try:
        value = _DECODER.decode(text)
        return _well_formed(value, 0) and _ENCODER.encode(value) == text
    except (ValueError, RecursionError):
        return False


def _well_formed(value: object, depth: int) -> bool:
    if isinstance(value, list):
        return depth <= _MAX_DEPTH and all(_well_formed(item, depth + 1) for item in value)
    if not isinstance(value, dict):
        return type(value) is not int or -_SMALL < value < _SMALL
    if len(value) != 1 or depth > _MAX_DEPTH:
        return False
    ((tag, body),) = value.items()
    check = _TAGS.get(tag)
    return check is not None and check(body, depth)


def _items(body: object, depth: int) -> bool:
    return isinstance(body, list) and all(_well_formed(item, depth + 1) for item in body)


def _pairs(body: object, depth: int) -> bool:
    return isinstance(body, list) and all(
        isinstance(pair, list) and len(pair) == 2 and _items(pair, depth) for pair in body
    )


def _hex(body: object, _: int) -> bool:
    return isinstance(body, str) and _HEX.fullmatch(body) is not None


def _text(body: object, _: int) -> bool:
    return isinstance(body, str)


def _float(body: object, _: int) -> bool:
    try:
        return isinstance(body, str) and repr(float(body)) == body
    except ValueError:
        return False


def _complex(body: object, depth: int) -> bool:
    return isinstance(body, list) and len(body) == 2 and all(_float(part, depth) for part in body)


def _level(body: object, depth: int) -> bool:
    return type(body) is int and 0 < body <= depth


_TAGS: dict[str, Callable[[object, int], bool]] = {
    "t": _items,
    "s": _items,
    "S": _items,
    "d": _pairs,
    "i": lambda body, _: isinstance(body, str) and _HEX.fullmatch(body) is not None and len(body) >= 16,
    "b": _hex,
    "B": _hex,
    "f": _float,
    "c": _complex,
    "r": _level,
    "o": _text,
}
