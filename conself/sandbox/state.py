"""Capture the state behind a program's module-level names as bytes, to detect changes. Standard library only.

The fast path runs a program's inputs in one process. The runner captures this state before the first input and after
each one; if it differs, the process ends and the next input gets a new one. Together with the static rules of
:mod:`conself.sandbox.leaks`, which restrict a program to state behind its own names, no input is affected by another.
"""

import dataclasses
import marshal
import sys
import types
from abc import ABC, ABCMeta
from collections import _tuplegetter  # type: ignore[attr-defined]  # no stub: the descriptors of a namedtuple's fields
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper, cached_property
from random import _inst as _random  # the generator that is seeded for each input

from .rules import words
from .sources import Value

PROGRAM = "<program>"
"""The file name that a program is compiled under."""
MODULE = "candidate"
"""The module name that a call program runs under."""

_LONGEST = 1 << 17  # bytes; beyond, comparing costs more than a new process
_SCALARS = frozenset((type(None), bool, int, float, complex, str))
_CONTAINERS = frozenset((tuple, list, dict))
_FLAT = frozenset((bytes, bytearray, frozenset))  # plain only at the top level: see _is_plain
_FIXED: frozenset[type] = frozenset(
    (
        *(types.GenericAlias, types.UnionType, types.MemberDescriptorType, types.GetSetDescriptorType, _tuplegetter),
        *(types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType),
        *(type(dataclasses.MISSING), type(dataclasses._HAS_DEFAULT_FACTORY), type(vars(ABC)["_abc_impl"])),  # type: ignore[attr-defined]  # no stub
    )
)
# private to the interpreter and the library: a program cannot name them
_KEPT = words(
    "__annotations__ __builtins__ __dataclass_fields__ __dataclass_params__ __dict__ __loader__ __orig_bases__ "
    "__parameters__ __spec__ __weakref__"
)
_HEAP_TYPE, _IMMUTABLE_TYPE = 1 << 9, 1 << 8  # CPython's flags of types
_type_dict = type.__dict__["__dict__"].__get__  # past anything that a metaclass defines
_type_bases = type.__dict__["__bases__"].__get__
_cache_info, _cache_clear = _lru_cache_wrapper.cache_info, _lru_cache_wrapper.cache_clear
_dump = marshal.dumps


@dataclass(slots=True)
class State:
    """A program's state.

    ``data`` is equal for equal state. ``kept`` holds the objects represented by address, so that no other object gets
    that address. ``caches`` are the program's functools caches, to be emptied before its state is captured again.
    """

    data: bytes = b""
    entries: list[Value] = field(default_factory=list)
    kept: list[Value] = field(default_factory=list)
    caches: list[Value] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)


def capture(namespace: dict[str, Value]) -> State | None:
    """Capture the state; None if impossible: closures, iterators, instances, sets (their order depends on history)."""
    state = State()
    try:
        if not all(_add(state, name, value) for name, value in namespace.items()):
            return None
        # with references (from version 3 on), so that the bytes tell one object under two names from two equal ones
        state.data = _dump(state.entries, 4)
    except (ValueError, RecursionError, MemoryError):
        return None
    state.entries.clear()
    return state if len(state.data) <= _LONGEST else None


def is_fixed(namespace: dict[str, Value]) -> bool:
    """Return whether these names hold no hidden state, provided that no name or attribute is ever set again."""
    return all(name == "__builtins__" or _is_fixed(value) for name, value in namespace.items())


def _is_fixed(value: Value) -> bool:
    kind = type(value)
    if kind is types.FunctionType:
        defaults = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        return value.__closure__ is None and all(type(default) in _SCALARS for default in defaults)
    return kind in _SCALARS or kind is types.ModuleType or kind is types.GenericAlias or kind.__module__ == "typing"


def has_changed(before: State, namespace: dict[str, Value]) -> bool:
    """Return whether the state differs from ``before``, after emptying its caches."""
    for cache in before.caches:
        _cache_clear(cache)
    now = capture(namespace)
    return now is None or now.data != before.data


def _add(state: State, name: str, value: Value) -> bool:
    """Add the object behind ``name`` in a module, class or closure; False if its state cannot be captured."""
    kind = type(value)
    if name in _KEPT:
        return True
    if kind in _SCALARS:
        state.entries.append((name, value))
        return True
    if kind in _FLAT or kind in _CONTAINERS:
        state.entries.append((name, kind.__name__, value))
        return all(map(_is_plain, value)) if kind is frozenset else kind in _FLAT or _is_plain(value)
    state.entries.append((name, "at", id(value)))
    state.kept.append(value)
    if id(value) in state.seen or _is_library(name, value, kind):
        return True
    state.seen.add(id(value))
    parts = _parts(state, value, kind)
    return parts is not None and all(_add(state, part, each) for part, each in parts)


def _parts(state: State, value: Value, kind: type) -> Iterable[tuple[str, Value]] | None:
    """Return the parts of an object that a call could change, by name; None if unknown."""
    if kind is types.FunctionType:
        return _parts_of_function(value)
    if kind is type or kind is ABCMeta:
        return [*_type_dict(value).items(), *(("", base) for base in _type_bases(value))]
    if kind is property:
        return [("get", value.fget), ("set", value.fset), ("delete", value.fdel)]
    if kind is staticmethod or kind is classmethod:
        return [("", value.__func__)]
    if kind is types.MethodType:
        return [("", value.__self__), ("", value.__func__)]
    if kind is types.BuiltinFunctionType:
        return [("", value.__self__)] if isinstance(value.__self__, type) else None
    if kind is cached_property:
        return [(name, part) for name, part in vars(value).items() if name != "lock"]
    if kind is _lru_cache_wrapper:
        state.caches.append(value)
        hits, misses, _, size = _cache_info(value)
        return vars(value).items() if hits == misses == size == 0 else None
    if kind.__module__ == "typing":
        return [(name, part) for name, part in getattr(value, "__dict__", {}).items() if not name.startswith("__")]
    return None


def _parts_of_function(function: Value) -> list[tuple[str, Value]] | None:
    """Return a function's attributes, its defaults, and its closure, which is known only if a library made it."""
    parts = [*function.__dict__.items(), *(("", default) for default in function.__defaults__ or ())]
    parts += (function.__kwdefaults__ or {}).items()
    code = function.__code__
    if code.co_filename != PROGRAM:
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        parts += [(name, cell.cell_contents) for name, cell in cells if name != "repr_running"]  # of dataclasses
    elif code.co_freevars not in ((), ("__class__",)):
        return None
    return parts


def _is_plain(value: Value) -> bool:
    """Return whether marshal represents a value fully: it confuses buffers with bytes, and sorts sets."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is dict:
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    return (kind is list or kind is tuple) and all(map(_is_plain, value))


def _is_library(name: str, value: Value, kind: type) -> bool:
    """Return whether a value is a library object that the program cannot change."""
    if kind in _FIXED:
        return True
    if kind is types.ModuleType:
        return sys.modules.get(value.__name__) is value
    if kind is types.BuiltinFunctionType:
        return value.__self__ is None or isinstance(value.__self__, types.ModuleType) or value.__self__ is _random
    if kind is types.MethodType:
        return value.__self__ is _random
    if kind.__module__ in ("typing", "__future__"):
        return getattr(sys.modules[kind.__module__], name, None) is value
    if not isinstance(value, type):
        return kind is types.FunctionType and _is_found(value)
    return not value.__flags__ & _HEAP_TYPE or bool(value.__flags__ & _IMMUTABLE_TYPE) or _is_found(value)


def _is_found(value: Value) -> bool:
    """Return whether a class or function is the object of that name in its library."""
    module = str(value.__module__)
    found = None if module == MODULE else sys.modules.get(module)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is value
