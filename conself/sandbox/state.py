"""What a call may have changed: the state behind a program's module-level names, as bytes. Standard library only.

The fast path runs a program's inputs in one process. Before the first input and after each one the runner captures
this state; where it differs, the process ends and the next input gets a new one. Together with the static rules of
:mod:`conself.sandbox.leaks`, which keep a program away from everything that is not behind its own names, no input
sees what another one did.
"""

import marshal
import random
import types
from collections import _tuplegetter  # type: ignore[attr-defined]  # no stub: what namedtuple makes its fields of
from functools import _lru_cache_wrapper, cached_property
from typing import Any

PROGRAM = "<program>"
"""The file name that a program is compiled under."""
MODULE = "candidate"
"""The module name that a call program runs under."""

_LONGEST = 1 << 16  # bytes; beyond, comparing costs more than a new process
_PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset))
_SCALARS = frozenset((type(None), bool, int, float, complex, str, bytes))
_FIXED: frozenset[type] = frozenset((types.ModuleType, types.GenericAlias, types.UnionType, type(int | None)))
_DESCRIPTORS: frozenset[type] = frozenset((types.MemberDescriptorType, types.GetSetDescriptorType, _tuplegetter))
_SEEDED = random._inst  # behind random.random(); seeded before each input
_MAX_NESTING = 3
_type_dict = type.__dict__["__dict__"].__get__  # past anything that a metaclass defines
_dump = marshal.dumps


def capture(namespace: dict[str, Any]) -> bytes | None:
    """The state as bytes, equal for equal state, or None where it cannot be told: closures, iterators, instances."""
    entries: list[Any] = []
    if not all(_append(entries, name, value, 0) for name, value in namespace.items()):
        return None
    try:
        data = _dump(entries, 2)  # version 2 has no references, so that the bytes depend on nothing but the values
    except ValueError:
        return None
    return data if len(data) <= _LONGEST else None


def is_fixed(namespace: dict[str, Any]) -> bool:
    """Whether no state can hide behind these names, if none of them and no attribute is ever set anew."""
    return all(name == "__builtins__" or _is_fixed(value) for name, value in namespace.items())


def _is_fixed(value: Any) -> bool:
    kind = type(value)
    if kind is types.FunctionType:
        defaults = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        return value.__closure__ is None and all(type(default) in _SCALARS for default in defaults)
    return kind in _SCALARS or kind in _FIXED or kind.__module__ == "typing"


def _append(entries: list[Any], name: str, value: Any, depth: int) -> bool:
    """Add what ``name`` stands for in a module (``depth`` 0) or class; False where its state cannot be told."""
    kind = type(value)
    if kind is types.FunctionType:
        return _append_function(entries, value)
    if name.startswith("__"):
        return True  # what the interpreter and dataclasses keep for themselves
    if kind in _PLAIN:
        entries.append((name, value))
        return True
    entries.append((name, id(value)))
    if kind in _FIXED or kind.__module__ in ("typing", "__future__"):
        return True
    if kind in (types.BuiltinFunctionType, types.MethodType):  # of a list, say, it holds that list
        return value.__self__ is _SEEDED or type(value.__self__) is types.ModuleType
    if kind is property:
        return all(_append(entries, name, part, depth) for part in (value.fget, value.fset, value.fdel))
    if kind is cached_property:
        return _append(entries, name, value.func, depth)
    if kind is _lru_cache_wrapper:  # emptied before each input
        return _append(entries, name, value.__wrapped__, depth)
    if kind in (staticmethod, classmethod):
        return _append(entries, name, value.__func__, depth)
    if kind is type and value.__module__ == MODULE:
        return depth < _MAX_NESTING and all(_append(entries, n, v, depth + 1) for n, v in _type_dict(value).items())
    return value.__module__ != MODULE if isinstance(value, type) else depth > 0 and kind in _DESCRIPTORS


def _append_function(entries: list[Any], function: Any) -> bool:
    code = function.__code__
    entries.append((id(function), function.__dict__))
    if code.co_filename != PROGRAM:
        return True  # made by a library: it holds what its maker put there, not what a call leaves
    entries.append((function.__defaults__, function.__kwdefaults__))
    return code.co_freevars in ((), ("__class__",))
