"""Read the content of values that are no plain builtins: standard types, subclasses, the program's own objects.

No code of the program runs here, except for the items of iterators: no ``__repr__``, ``__eq__``, ``__iter__``,
property, ``__getattribute__`` or method of a metaclass. Types are identified by address, attributes are read through
CPython's own descriptors. Values with state that is invisible in this way are not read. Standard library only: used
on both sides.

========================================  ========================================================================
value                                     read as
========================================  ========================================================================
instance of a subclass of a builtin       the builtin value that it is equal to, unless a class on the way to the
(namedtuple, IntEnum, ``class S(str)``)   builtin defines an ``__eq__``: then as an object, around the builtin value
Decimal, date, time, datetime, ...        name and text (a ``tzinfo`` of the program's own is not read)
range, slice, timedelta, array, deque,    name and a list
memoryview, dict views
iterator (generator, map, zip, ...)       ``iterator`` and its items; beyond 10,000 ``longer iterator`` and the first
member of an Enum                         object with its name and value
object (own class, dataclass, Fraction,   class name, ``__dict__`` and slots in the order of their names
exception, SimpleNamespace)
builtin class, Ellipsis                   name
function, class, module, lock, file, ...  not read
========================================  ========================================================================
"""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from types import GetSetDescriptorType, MemberDescriptorType, SimpleNamespace
from typing import Generic, TypeVar

from .sources import Value

Entry = TypeVar("Entry")
MOST_ITEMS = 10_000
"""Items of an iterator that are read."""

_flags = type.__dict__["__flags__"].__get__  # past anything that a metaclass defines
_mro = type.__dict__["__mro__"].__get__
_type_dict = type.__dict__["__dict__"].__get__
_basic_size = type.__dict__["__basicsize__"].__get__
_type_name: Callable[[type], str] = type.__dict__["__name__"].__get__
_exception_arguments = BaseException.__dict__["args"].__get__
_HEAP_TYPE, _IMMUTABLE_TYPE = 1 << 9, 1 << 8  # CPython's flags of types
_POINTER = 8
_dict_items = dict.items


@dataclass(frozen=True, slots=True)
class Standard:
    """A value of the standard library: its type's name and a plain value with all of its content."""

    name: str
    content: object


@dataclass(frozen=True, slots=True)
class Plain:
    """The builtin equivalent of a value: the builtin type, and a scalar, a list of items, or of pairs of a dict.

    No set or dict is built from them, because that would call the hashes of the program's objects.
    """

    kind: type
    content: Value


@dataclass(frozen=True, slots=True)
class Own:
    """An object by its structure: the builtin value inside it (None: none) and its attributes by name."""

    base: Plain | Standard | None
    attributes: list[tuple[str, object]]


Description = Plain | Standard | Own
Read = Callable[[Value, Value], Standard | None]
"""A function from a value and its type to its content; None if it cannot be read."""


def describe(value: object) -> Description | None:
    """Read the content of ``value``, which is of no exact builtin type; None if it cannot be read.

    Raises the exceptions of the program's iterators.
    """
    kind = type(value)
    if _is_c_type(kind):
        return _describe_standard(value, kind)
    return _describe_object(value, kind)


def _is_c_type(kind: type) -> bool:
    """Return whether a type is written in C, and so contains no code of the program."""
    flags = _flags(kind)
    return not flags & _HEAP_TYPE or bool(flags & _IMMUTABLE_TYPE)


def _describe_standard(value: object, kind: Value) -> Description | None:
    read = _STANDARD.get(f"{kind.__module__}.{kind.__qualname__}")
    if read is not None:
        return _tried(read, value, kind)
    if "__next__" in _type_dict(kind):
        return _items_of(value)
    if kind is type:
        return Standard("type", _type_name(value)) if _is_c_type(value) else None  # type: ignore[arg-type]  # a type
    return _describe_object(value, kind)


def _tried(read: Read, value: object, kind: type) -> Standard | None:
    try:
        return read(value, kind)
    except (AttributeError, TypeError, ValueError, NotImplementedError):  # a released memoryview, say
        return None


def _items_of(value: Value) -> Standard:
    items = list(islice(value, MOST_ITEMS + 1))
    return Standard("iterator", items) if len(items) <= MOST_ITEMS else Standard("longer iterator", items[:-1])


def _describe_object(value: object, kind: type) -> Description | None:
    mro = _mro(kind)
    solid = next(base for base in mro if _is_c_type(base))
    base: Plain | Standard | None = None
    if solid not in _EMPTY:
        base = _base(value, solid)
        if base is None:
            return None
        if solid in _VALUES or not _is_exception(solid):
            equal = next(each for each in mro if "__eq__" in _type_dict(each))
            if equal is solid or equal is Counter:
                return base
    elif _hides_state(kind, mro):
        return None
    attributes = _attributes(value, mro)
    if attributes is None:
        return None
    if any(base is Enum for base in mro):
        attributes = [pair for pair in attributes if pair[0] in ("_name_", "_value_")]
    return Own(base, attributes)


def _base(value: object, solid: type) -> Plain | Standard | None:
    """Return the value of the builtin or standard type that an object's class is derived from."""
    found = _VALUES.get(solid)
    if found is not None:
        return Plain(found[0], found[1](value))
    if _is_exception(solid):
        return Plain(tuple, list(_exception_arguments(value)))
    read = _STANDARD.get(f"{solid.__module__}.{solid.__qualname__}")
    return None if read is None else _tried(read, value, solid)


def _is_exception(kind: type) -> bool:
    return any(base is BaseException for base in _mro(kind))


def _hides_state(kind: type, mro: tuple[type, ...]) -> bool:
    """Return whether instances are larger than slots, ``__dict__`` and ``__weakref__`` require: state of C code."""
    slots = sum(type(part) is MemberDescriptorType for base in mro for part in _type_dict(base).values())
    return bool(_basic_size(kind) > _basic_size(object) + _POINTER * (slots + 2))


def _attributes(value: object, mro: tuple[type, ...]) -> list[tuple[str, object]] | None:
    """Return the content of ``__dict__`` and slots, by name; None if a name is no text."""
    found: dict[str, object] = {}
    for base in mro:
        for part in () if _is_c_type(base) else _type_dict(base).values():
            if type(part) is MemberDescriptorType and part.__objclass__ is base:
                try:
                    found.setdefault(part.__name__, part.__get__(value))
                except (AttributeError, TypeError):  # it was never set
                    continue
    for name, part in _dict_items(_instance_dict(value, mro)):
        if type(name) is not str:
            return None
        found[name] = part
    return sorted(found.items(), key=lambda pair: pair[0])


def _instance_dict(value: object, mro: tuple[type, ...]) -> dict[Value, Value]:
    for base in mro:
        part = _type_dict(base).get("__dict__")
        if type(part) in (GetSetDescriptorType, MemberDescriptorType) and part.__objclass__ is base:
            found = part.__get__(value)
            return found if issubclass(type(found), dict) else {}
    return {}


def _range(value: Value, _: Value) -> Standard:
    """Return start, step and length, normalised so that equal ranges have the same."""
    start, stop, step = value.start, value.stop, value.step
    length = max(0, (stop - start + step + (-1 if step > 0 else 1)) // step)
    return Standard("range", [start if length else 0, step if length > 1 else 1, length])


def _moment(value: Value, kind: Value) -> Standard | None:
    """Read a time or a datetime, without calling the methods of a zone that the program defines."""
    zone = kind.tzinfo.__get__(value)
    if zone is not None and (type(zone).__module__, type(zone).__name__) != ("datetime", "timezone"):
        return None
    return Standard(kind.__name__, kind.isoformat(value))


def _listed(name: str) -> Read:
    return lambda value, kind: Standard(name, list(kind.__iter__(value)))


def _fields(name: str, *fields: str) -> Read:
    return lambda value, kind: Standard(name, [_type_dict(kind)[field].__get__(value) for field in fields])


def _text(value: Value, kind: Value) -> Standard:
    return Standard(kind.__name__, kind.__str__(value))


_STANDARD: dict[str, Read] = {
    "decimal.Decimal": _text,
    "datetime.date": _text,
    "datetime.time": _moment,
    "datetime.datetime": _moment,
    "datetime.timedelta": _fields("timedelta", "days", "seconds", "microseconds"),
    "datetime.timezone": lambda value, kind: Standard("timezone", kind.__repr__(value)),
    "builtins.range": _range,
    "builtins.slice": _fields("slice", "start", "stop", "step"),
    "builtins.ellipsis": lambda *_: Standard("Ellipsis", None),
    "builtins.NotImplementedType": lambda *_: Standard("NotImplemented", None),
    "builtins.memoryview": lambda value, kind: Standard("memoryview", kind.tolist(value)),
    "array.array": lambda value, kind: Standard(
        "array", [_type_dict(kind)["typecode"].__get__(value), kind.tolist(value)]
    ),
    "collections.deque": _listed("deque"),
    **{f"builtins.{prefix}dict_{part}": _listed(f"dict_{part}") for prefix in ("", "o") for part in ("keys", "values")},
    **{f"builtins.{prefix}dict_items": _listed("dict_items") for prefix in ("", "o")},
}
"""Types in C by module and name: they need not be loaded, and no program can put others in their place."""


class _ByAddress(Generic[Entry]):
    """A mapping of types by address, which does not call a metaclass's hash or equality."""

    def __init__(self, entries: dict[type, Entry]) -> None:
        self._entries = {id(kind): entry for kind, entry in entries.items()}
        self._kept = tuple(entries)

    def __contains__(self, kind: object) -> bool:
        return id(kind) in self._entries

    def get(self, kind: type) -> Entry | None:
        """Return the entry of a type; None if it has none."""
        return self._entries.get(id(kind))


def _iterated(kind: Value) -> Callable[[Value], Value]:
    return lambda value: list(kind.__iter__(value))


_EMPTY: _ByAddress[None] = _ByAddress(dict.fromkeys((object, SimpleNamespace)))
_VALUES: _ByAddress[tuple[type, Callable[[Value], Value]]] = _ByAddress(
    {
        int: (int, int.__int__),
        float: (float, float.__float__),
        complex: (complex, complex.__complex__),
        str: (str, str.__str__),
        bytes: (bytes, lambda value: bytes.__getitem__(value, slice(None))),
        bytearray: (bytearray, lambda value: bytearray.__getitem__(value, slice(None))),
        **{kind: (kind, _iterated(kind)) for kind in (list, tuple, set, frozenset)},
        **{kind: (dict, lambda value: list(_dict_items(value))) for kind in (dict, defaultdict, OrderedDict)},
    }
)
"""For builtin types: how an instance of a subclass is recorded, and its content."""
