"""Check config values against the field types of their parts: ``tau=abc`` is reported before any work."""

import dataclasses
import pkgutil
import types
import typing
from collections.abc import Mapping

from conself.sandbox.jsonlines import Plain

Hint = type | types.UnionType | types.GenericAlias
"""The type of a field."""
_WORDS: dict[Hint | None, str] = {
    float: "a number",
    int: "an int",
    str: "text",
    bool: "true or false",
    types.NoneType: "null",
}


def check_types(config: Mapping[str, Plain], where: str) -> None:
    """Check every plain value of a resolved config against the dataclass that its ``_target_`` names.

    Checked are fields of int, float, str, bool, None and lists of these (an int is accepted as a float, a bool as
    neither), and fields that need a part (a dataclass or protocol) but get a plain value. Other types, unknown and
    missing keys, targets that do not exist and the arguments of a ``_partial_`` are left to the code that builds parts.

    Args:
        config: mappings, lists and plain values without interpolations; parts may sit at any depth.
        where: dotted key of ``config`` itself, "" for a whole config.

    Raises:
        ValueError: a value has another type; names its dotted key and the expected type.
    """
    hints = {} if config.get("_partial_") else _hints(config.get("_target_"))
    for key, value in config.items():
        name = f"{where}.{key}" if where else str(key)
        if key in hints and not _is_part(value):
            _check(value, hints[key], name)
        _descend(value, name)


def _descend(value: Plain, where: str) -> None:
    if isinstance(value, Mapping):
        check_types(value, where)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _descend(item, f"{where}[{index}]")


def _is_part(value: Plain) -> bool:
    """Return whether ``value`` describes something to build, whose type is not known yet."""
    return isinstance(value, Mapping) and "_target_" in value


def _check(value: Plain, hint: Hint, where: str) -> None:
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    wanted = typing.get_args(hint) if is_union else (hint,)
    if all(_is_part_type(kind) for kind in wanted):
        raise ValueError(f"{where} must be a part, of which conf/ has a choice, got {value!r}")
    if not all(kind in _WORDS or _items(kind) in _WORDS for kind in wanted):
        return
    if not any(_fits(value, kind) for kind in wanted):
        words = [word for kind, word in _WORDS.items() if kind in wanted]
        listed = {_items(kind) for kind in wanted}
        words += [f"a list of {word.split(maxsplit=1)[-1]}" for kind, word in _WORDS.items() if kind in listed]
        raise ValueError(f"{where} must be {' or '.join(words)}, got {value!r}")


def _fits(value: Plain, kind: Hint) -> bool:
    """Return whether a plain value has a type, exactly, because isinstance takes a bool for an int."""
    if (item := _items(kind)) is not None:
        return isinstance(value, list) and all(_fits(element, item) for element in value)
    return type(value) is kind or (kind is float and type(value) is int)


def _items(kind: Hint | None) -> Hint | None:
    """Return the item type of a list type; None if it is no list."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is list else None


def _is_part_type(kind: Hint) -> bool:
    return isinstance(kind, type) and (dataclasses.is_dataclass(kind) or typing.Protocol in kind.__bases__)


def _hints(target: Plain) -> dict[str, Hint]:
    """Return the field types of the dataclass at a dotted path; empty if there is no such dataclass."""
    if not isinstance(target, str):
        return {}
    try:
        owner = pkgutil.resolve_name(target)
        return typing.get_type_hints(owner) if isinstance(owner, type) and dataclasses.is_dataclass(owner) else {}
    except (ImportError, AttributeError, ValueError, NameError):
        return {}
