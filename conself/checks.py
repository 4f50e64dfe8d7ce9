"""The values of a config against the types of the parts that will get them: ``tau=abc`` is told before any work."""

import dataclasses
import pkgutil
import types
import typing
from collections.abc import Mapping
from typing import Any

_WORDS = {float: "a number", int: "an int", str: "text", bool: "true or false", types.NoneType: "null"}


def check_types(config: Mapping[str, Any], where: str) -> None:
    """Check every plain value of a resolved config against the dataclass that its ``_target_`` names.

    Only fields made of int, float, str, bool and None are checked: an int is a float, a bool is neither. Unknown and
    missing keys, targets that cannot be found and what a ``_partial_`` is given are left to whoever builds the parts.

    Args:
        config: mappings, lists and plain values without interpolations; parts may sit at any depth.
        where: dotted key of ``config`` itself, "" for a whole config.

    Raises:
        ValueError: a value has another type; names its dotted key and what is wanted.
    """
    hints = {} if config.get("_partial_") else _hints(config.get("_target_"))
    for key, value in config.items():
        name = f"{where}.{key}" if where else str(key)
        if key in hints and not _is_part(value):
            _check(value, hints[key], name)
        _descend(value, name)


def _descend(value: Any, where: str) -> None:
    if isinstance(value, Mapping):
        check_types(value, where)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _descend(item, f"{where}[{index}]")


def _is_part(value: Any) -> bool:
    """Whether something is to be built from ``value``: what comes of it is not known yet."""
    return isinstance(value, Mapping) and "_target_" in value


def _check(value: Any, hint: Any, where: str) -> None:
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    wanted = set(typing.get_args(hint)) if is_union else {hint}
    if not wanted <= _WORDS.keys():
        return
    allowed = wanted | {int} if float in wanted else wanted
    if type(value) not in allowed:  # exact types: a bool is an int to isinstance
        words = [word for kind, word in _WORDS.items() if kind in wanted]
        raise ValueError(f"{where} must be {' or '.join(words)}, got {value!r}")


def _hints(target: Any) -> dict[str, Any]:
    """The types of the fields of the dataclass at a dotted path; empty where there is none to be found."""
    if not isinstance(target, str):
        return {}
    try:
        found = pkgutil.resolve_name(target)
        return typing.get_type_hints(found) if isinstance(found, type) and dataclasses.is_dataclass(found) else {}
    except (ImportError, AttributeError, ValueError, NameError):
        return {}
