"""Find library objects that can be passed around, because no change to them lasts. Standard library only."""

import datetime
from abc import ABC
from random import _inst as _random  # the generator that is seeded for each input
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import NamedTuple

from .rules import is_hidden

STREAM = object()
"""The objects that ``sys.stdin``, ``sys.stdout`` and ``sys.stderr`` resolve to."""

_SIMPLE = (type(None), bool, int, float, complex, str, bytes, datetime.timezone, datetime.timedelta)
_UNCHANGEABLE = (
    *(MethodDescriptorType, WrapperDescriptorType, ClassMethodDescriptorType, GetSetDescriptorType),
    *(MemberDescriptorType, type(vars(ABC)["_abc_impl"])),
)
_HEAP_TYPE, _IMMUTABLE_TYPE = 1 << 9, 1 << 8  # CPython's flags of types


def is_inert(value: object) -> bool:
    """Return whether a library object can be passed around: no change that a program makes to it lasts."""
    kind = type(value)
    if kind in _SIMPLE or value is STREAM:
        return True
    if kind is tuple:
        return all(is_inert(item) for item in value)  # type: ignore[attr-defined]  # a tuple
    if kind in (BuiltinFunctionType, MethodType):
        owner = value.__self__  # type: ignore[attr-defined]  # both have it
        return owner is _random or isinstance(owner, ModuleType | type) or is_inert(owner)
    if isinstance(value, type):
        return not value.__flags__ & _HEAP_TYPE or bool(value.__flags__ & _IMMUTABLE_TYPE)
    return False


def has_inert_items(value: object) -> bool:
    """Return whether ``value[...]`` can be passed around. Most aliases of types forward attributes set on them."""
    if type(value).__module__ == "typing":
        origin = getattr(value, "__origin__", None)
        return origin is None or is_inert(origin)
    return not isinstance(value, type)


def lends_nothing(value: object) -> bool:
    """Return whether a derived class inherits nothing that takes attributes, such as functions."""
    if not isinstance(value, type):
        return value is NamedTuple
    return all(
        is_inert(part) or type(part) in _UNCHANGEABLE or is_hidden(name)
        for base in value.__mro__
        if not is_inert(base)
        for name, part in vars(base).items()
    )
