"""Change parts that are fields of other parts."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

Part = TypeVar("Part")


def changed_within(part: Part, change: Callable[[object], object | None]) -> Part:
    """Return a part with ``change`` applied to it, or to parts in its fields at any depth.

    ``change`` returns the new part, or None to look into the fields of this one. A part in which nothing changes is
    returned as it is, with all that it has cached.
    """
    if (new := change(part)) is not None:
        return new  # type: ignore[return-value]  # of the same contract, as ``change`` has to ensure
    if not is_dataclass(part) or isinstance(part, type):
        return part
    inner: dict[str, Any] = {each.name: getattr(part, each.name) for each in fields(part) if each.init}
    changed = {name: new for name, value in inner.items() if (new := changed_within(value, change)) is not value}
    return replace(part, **changed) if changed else part
