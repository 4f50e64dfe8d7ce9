"""The one text form of a recorded value: compact ASCII JSON with type tags, the same for equal builtin values.

No code of the program runs here, the items of its iterators aside, so that an object cannot claim to be equal to
another: what is no exact builtin is read by :mod:`conself.sandbox.structure`. Standard library only: used on both
sides.

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
of the standard library   ``{"x":["<name>",<content>]}``, see :mod:`conself.sandbox.structure`
an object                 ``{"O":["<class>",<builtin value inside, or null>,"<attribute>",<value>,...]}``
an enclosing container    ``{"r":<levels up>}``, 1 = the container or object that holds the reference
what cannot be read       ``{"o":"<type name>"}``; so is what lies below 100 levels of nesting
========================  =====================================================================

Where programs may import numpy, its arrays are recorded as lists and its scalars as Python's own.
"""

import json
import re
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from typing import NoReturn

from .sources import Value
from .structure import Plain, Standard, describe

_MAX_DEPTH = 100
_NAME_LENGTH = 200
_SMALL = 2**63
_MOST_DIGITS = 20  # of _SMALL, with a sign
_type_name: Callable[[type], str] = type.__dict__["__name__"].__get__  # the real name, whatever a metaclass says


class TooLong(Exception):  # noqa: N818 - a signal, not an error
    """The canonical text exceeds the limit."""


def type_name(kind: type) -> str:
    """Return the name of a type, at most 200 ASCII characters, bypassing its metaclass."""
    return _type_name(kind)[:_NAME_LENGTH].encode("ascii", "backslashreplace").decode("ascii")[:_NAME_LENGTH]


def canonical(value: object, limit: int | None = None) -> str:
    """Write the canonical text of ``value`` (see the module's table).

    ``limit`` bounds the length in characters; beyond it :class:`TooLong` is raised.
    """
    if limit is None:
        return _encode(value, [], [_SMALL])
    text = _encode(value, [], [limit])  # stops early, but does not count every comma
    if len(text) > limit:
        raise TooLong
    return text


def register(kind: type, plain: Callable[[Value], object]) -> None:
    """Record instances of a library's ``kind`` as builtin values, converted by ``plain``."""
    _FOREIGN[kind] = plain


def _encode(value: object, path: list[int], budget: list[int]) -> str:
    kind = type(value)
    if type(kind) is not type:  # to be looked up it would be asked for its hash, which may be the program's
        return _encode_other(value, path, budget)
    encode = _SCALARS.get(kind)
    if encode is not None:
        text = encode(value)
        budget[0] -= len(text)
        if budget[0] < 0:
            raise TooLong
        return text
    ends = _CONTAINERS.get(kind)
    if ends is not None:
        return _encode_container(ends, _items_of_dict(value) if ends[2] is _DICT else value, value, path, budget)
    if kind in _FOREIGN:
        return _encode(_FOREIGN[kind](value), path, budget)
    return _encode_other(value, path, budget)


def _encode_container(
    ends: tuple[str, str, str], items: Value, value: object, path: list[int], budget: list[int]
) -> str:
    """Encode a builtin container with these items (pairs for a dict); ``value`` is the container."""
    budget[0] -= 2
    if budget[0] < 0:
        raise TooLong
    if len(path) >= _MAX_DEPTH or id(value) in path:
        return _reference(value, path)
    path.append(id(value))
    opening, closing, order = ends
    if order is _DICT:
        pairs = sorted([(_encode(k, path, budget), _encode(v, path, budget)) for k, v in items])
        text = opening + ",".join([f"[{k},{v}]" for k, v in pairs]) + closing
    else:
        texts = [_encode(item, path, budget) for item in items]
        text = opening + ",".join(sorted(texts) if order is _SET else texts) + closing
    path.pop()
    return text


def _reference(value: object, path: list[int]) -> str:
    """Encode a value that contains itself, or is nested too deeply."""
    if id(value) in path:
        return f'{{"r":{len(path) - path.index(id(value))}}}'
    return _tag("o", type_name(type(value)))


def _encode_other(value: object, path: list[int], budget: list[int]) -> str:
    """Encode a value that is not of an exact builtin type."""
    name = encode_basestring_ascii(type_name(type(value)))
    budget[0] -= len(name)
    if budget[0] < 0:
        raise TooLong
    if id(value) in path or len(path) >= _MAX_DEPTH:  # before an iterator is read
        return _reference(value, path)
    found = describe(value)
    if isinstance(found, Plain):
        return _encode_plain(found, value, path, budget)
    if found is None:
        return f'{{"o":{name}}}'
    path.append(id(value))
    if isinstance(found, Standard):
        text = f'{{"x":["{found.name}",{_encode(found.content, path, budget)}]}}'
    else:
        parts = [name, _encode_base(found.base, path, budget)]
        for attribute, part in found.attributes:
            parts += (_encode(attribute, path, budget), _encode(part, path, budget))
        text = f'{{"O":[{",".join(parts)}]}}'
    path.pop()
    return text


def _encode_base(base: Plain | Standard | None, path: list[int], budget: list[int]) -> str:
    if isinstance(base, Standard):
        return f'{{"x":["{base.name}",{_encode(base.content, path, budget)}]}}'
    return "null" if base is None else _encode_plain(base, base, path, budget)


def _encode_plain(plain: Plain, value: object, path: list[int], budget: list[int]) -> str:
    ends = _CONTAINERS.get(plain.kind)
    if ends is not None:
        return _encode_container(ends, plain.content, value, path, budget)
    return _encode(plain.content, path, budget)


def _tag(tag: str, text: str) -> str:
    return f'{{"{tag}":{encode_basestring_ascii(text)}}}'


def _encode_int(value: int) -> str:
    return int.__repr__(value) if -_SMALL < value < _SMALL else f'{{"i":"{value:x}"}}'


# not the value's own: Counter and OrderedDict are written in Python and can be patched
_items_of_dict: Callable[[Value], Value] = dict.items
_ORDERED, _SET, _DICT = "ordered", "set", "dict"
_FOREIGN: dict[type, Callable[[Value], object]] = {}
_CONTAINERS: dict[type, tuple[str, str, str]] = {
    list: ("[", "]", _ORDERED),
    tuple: ('{"t":[', "]}", _ORDERED),
    set: ('{"s":[', "]}", _SET),
    frozenset: ('{"S":[', "]}", _SET),
    **dict.fromkeys((dict, Counter, defaultdict, OrderedDict), ('{"d":[', "]}", _DICT)),
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
    """Return whether an untrusted text has the form of :func:`canonical` (the order inside sets is not checked)."""
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


def _standard(body: object, depth: int) -> bool:
    return isinstance(body, list) and len(body) == 2 and isinstance(body[0], str) and _well_formed(body[1], depth + 1)


def _object(body: object, depth: int) -> bool:
    if not isinstance(body, list) or len(body) < 2 or len(body) % 2 or not isinstance(body[0], str):
        return False
    return all(isinstance(name, str) for name in body[2::2]) and all(_well_formed(x, depth + 1) for x in body[1::2])


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
    "x": _standard,
    "O": _object,
    "o": _text,
}
