"""Build parts from config nodes, with the type of their contract.

``instantiate`` returns whatever a ``_target_`` names, so neither a type checker nor a reader knows its type.
:func:`build` returns a part of a contract (a protocol or abstract class, see :mod:`conself.contracts`), and refuses
one that could not be called as the contract requires, before any work.
"""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from types import FunctionType, NoneType, UnionType
from typing import Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.sandbox.jsonlines import Json

Part = TypeVar("Part")
Node = DictConfig | Mapping[str, Json]
"""A ``_target_`` and settings; a plain mapping has no known position in a config."""
_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_OF_PROTOCOLS = {"__init__", "__subclasshook__"}
"""Functions that ``typing`` puts into every protocol."""
_MISSING = Parameter.empty


def build(node: Node, contract: type[Part]) -> Part:
    """Build the part that a config node describes.

    Args:
        node: a node with a ``_target_``.
        contract: what the part must be: a protocol, an abstract class, or a class of settings.

    Raises:
        InstantiationException: the part refuses its settings.
        ValueError: the part is none of ``contract``, or a part in its fields none of what the field's type says; names
            the key, the class, and all that it lacks.
    """
    part: Part = instantiate(node, _convert_="all")
    _refuse(part, contract, key_of(node))
    return part


def build_all(nodes: DictConfig | Mapping[str, DictConfig], contract: type[Part]) -> dict[str, Part]:
    """Build the parts of a group of nodes, by name; raises as :func:`build`."""
    return {str(name): build(node, contract) for name, node in nodes.items()}


def _refuse(part: Part, contract: type[Part], where: str) -> None:
    """Check that a part, and those in its fields, fit their contracts; ``where`` is its key."""
    if faults := faults_of(part, contract):
        kind = f"{type(part).__module__}.{type(part).__qualname__}"
        raise ValueError(f"{where}{': ' if where else ''}{kind} is no {contract.__name__}: {'; '.join(faults)}")
    for name, wanted in _parts_inside(type(part)).items():
        if (inner := getattr(part, name, None)) is not None:
            _refuse(inner, wanted, f"{where}.{name}" if where else name)


def _parts_inside(kind: type) -> dict[str, type]:
    """List the fields of a dataclass whose type is a contract or another dataclass (or None), if it can be resolved."""
    if not dataclasses.is_dataclass(kind):
        return {}
    try:
        hints = get_type_hints(kind)
    except NameError:  # of a type that is imported for type checkers only
        return {}
    wanted = {field.name: _alone(hints[field.name]) for field in dataclasses.fields(kind)}
    return {name: one for name, one in wanted.items() if one is not None and _is_part_type(one)}


def _alone(hint: type | UnionType) -> type | None:
    """Return the class of a type, ignoring an optional None; None for any other type."""
    kinds = set(get_args(hint)) - {NoneType} if get_origin(hint) in (Union, UnionType) else {hint}
    if len(kinds) > 1:
        return None
    (one,) = kinds
    return one if isinstance(one, type) else None


def _is_part_type(kind: type) -> bool:
    return Protocol in kind.__bases__ or inspect.isabstract(kind) or dataclasses.is_dataclass(kind)


def key_of(node: Node) -> str:
    """Return the dotted key of a node in its config; "" for a whole config, and for a plain mapping."""
    return str(node._get_full_key(None)) if isinstance(node, DictConfig) else ""


def faults_of(part: object, contract: type) -> list[str]:
    """Describe why ``part`` does not fit ``contract``, a clause for each missing or different member; empty if it fits.

    Data must exist; methods must also accept every call that the contract allows: as many positional arguments, of the
    same names unless the contract makes them positional-only. A part may have further parameters with defaults. Types
    are left to a type checker.
    """
    is_protocol = Protocol in contract.__bases__
    if not is_protocol and not isinstance(part, contract):
        return [f"it must be a subclass of {contract.__module__}.{contract.__qualname__}"]
    if not is_protocol and not inspect.isabstract(contract):
        return []
    return [fault for name, member in _members(contract).items() if (fault := _fault(part, name, member)) is not None]


def _members(contract: type) -> dict[str, FunctionType | None]:
    """List the public members of a contract: its methods as functions, None for data."""
    members: dict[str, FunctionType | None] = {}
    for base in reversed(contract.__mro__):
        if base.__module__ in ("builtins", "typing", "abc"):
            continue
        own = {**dict.fromkeys(inspect.get_annotations(base)), **vars(base)}
        for name, value in own.items():
            function = value if isinstance(value, FunctionType) else None
            is_special = name.startswith("__") and function is not None and name not in _OF_PROTOCOLS
            if is_special or not name.startswith("_"):
                members[name] = function
    return members


def _fault(part: object, name: str, member: FunctionType | None) -> str | None:
    if inspect.getattr_static(part, name, _MISSING) is _MISSING:
        return f"it has no {name}"
    if member is None:
        return None
    method = part if name == "__call__" else getattr(part, name)
    if not callable(method):
        return f"its {name} is no method"
    wanted = _without_self(inspect.signature(member))
    actual = _signature(method)
    return (
        None
        if actual is None or fits(actual, wanted)
        else f"{_call(name, actual)} where {_call(name, wanted)} is called"
    )


def _without_self(signature: Signature) -> Signature:
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def _signature(method: Callable[..., object]) -> Signature | None:
    """Return a signature; None if an extension module does not expose it."""
    try:
        return inspect.signature(method)
    except (ValueError, TypeError):
        return None


def _call(name: str, signature: Signature) -> str:
    """Format ``name(arguments)`` without types and defaults."""
    plain = [p.replace(annotation=Parameter.empty, default=Parameter.empty) for p in signature.parameters.values()]
    return f"{name}{Signature(plain)}"


def fits(actual: Signature, wanted: Signature) -> bool:
    """Return whether a function with signature ``actual`` accepts every call that ``wanted`` allows."""
    theirs, ours = list(actual.parameters.values()), list(wanted.parameters.values())
    rest = {p.kind for p in theirs} & {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}
    places = [p for p in theirs if p.kind in _POSITIONAL]
    by_name = {p.name for p in theirs if p.kind in _NAMED}
    filled = set()
    for index, parameter in enumerate(p for p in ours if p.kind in _POSITIONAL):
        mine = places[index] if index < len(places) else None
        if mine is None and Parameter.VAR_POSITIONAL not in rest:
            return False
        is_named = parameter.kind is Parameter.POSITIONAL_OR_KEYWORD
        if is_named and mine is not None and (mine.name != parameter.name or mine.kind is Parameter.POSITIONAL_ONLY):
            return False
        if parameter.default is not Parameter.empty and mine is not None and mine.default is Parameter.empty:
            return False
        filled.add(parameter.name if mine is None else mine.name)
    for parameter in (p for p in ours if p.kind is Parameter.KEYWORD_ONLY):
        if parameter.name not in by_name and Parameter.VAR_KEYWORD not in rest:
            return False
        filled.add(parameter.name)
    needed = {
        p.name for p in theirs if p.kind in (*_POSITIONAL, Parameter.KEYWORD_ONLY) and p.default is Parameter.empty
    }
    return needed <= filled
