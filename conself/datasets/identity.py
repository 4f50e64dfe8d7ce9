"""What of a data set's settings tells it apart: not where its files lie."""

from pkgutil import resolve_name
from typing import Any


def placeless(settings: Any) -> Any:
    """Plain settings for a key, at any depth without those that only say where local content lies.

    Nor are there settings that were added to a class since (its ``added``: name -> value under which all is as before),
    where they have that value: an older key stays what it was.

    The class that ``_target_`` names lists the places in ``places``: its ``fingerprint()`` covers all that they lead
    to, and belongs into the same key. Without such a list everything stays; so does a null, which says that nothing is
    local.
    """
    if isinstance(settings, list):
        return [placeless(value) for value in settings]
    if not isinstance(settings, dict):
        return settings
    target = settings.get("_target_")
    kind = None if target is None else resolve_name(target)
    places, added = getattr(kind, "places", ()), getattr(kind, "added", {})
    return {
        key: placeless(value)
        for key, value in settings.items()
        if (key not in places or value is None) and not (key in added and value == added[key])
    }
