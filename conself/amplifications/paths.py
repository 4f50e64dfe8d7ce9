"""Paths in arguments: values by position and depth, so that one invariant can cover many values."""

from collections.abc import Iterator, Sequence

from conself.sandbox.sources import Value

Arguments = tuple[Value, ...]
Path = tuple[int, str]
"""A position, and the steps down from it: ``*`` into the items of a list, tuple or set, ``k`` and ``v`` into the keys
and the values of a dict. ``(1, "**")``: the items of the rows of the second argument."""


def values_at(arguments: Arguments) -> Iterator[tuple[Path, Value]]:
    """Yield every value in the arguments with its path, outer ones first."""
    for position, value in enumerate(arguments):
        yield from _below((position, ""), value)


def _below(path: Path, value: Value) -> Iterator[tuple[Path, Value]]:
    yield path, value
    position, steps = path
    if isinstance(value, list | tuple | set):
        for item in sorted(value, key=written) if isinstance(value, set) else value:
            yield from _below((position, f"{steps}*"), item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _below((position, f"{steps}k"), key)
            yield from _below((position, f"{steps}v"), item)


def gathered(inputs: Sequence[Arguments]) -> dict[Path, list[Value]]:
    """Map each path to its values in all inputs, in order."""
    values_by_path: dict[Path, list[Value]] = {}
    for arguments in inputs:
        for path, value in values_at(arguments):
            values_by_path.setdefault(path, []).append(value)
    return values_by_path


def is_number(value: Value) -> bool:
    """Return whether a value is an int or a float, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def written(value: Value) -> str:
    """Write the literal of a value, with items of sets sorted by their literals, not by this process's hashes.

    As ``repr`` writes it if there is no set.
    """
    kind = type(value)
    if kind is dict:
        return f"{{{', '.join(f'{written(key)}: {written(item)}' for key, item in value.items())}}}"
    if kind is set and value:
        return f"{{{', '.join(sorted(map(written, value)))}}}"
    if kind in (list, tuple):
        inside = ", ".join(map(written, value))
        return f"[{inside}]" if kind is list else f"({inside}{',' if len(value) == 1 else ''})"
    return repr(value)
