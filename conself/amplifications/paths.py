"""Places in arguments: what stands where, by position and depth, so that one fact can speak of many values."""

from collections.abc import Iterator, Sequence

from conself.sandbox.sources import Value

Arguments = tuple[Value, ...]
Path = tuple[int, str]
"""A position, and the steps down from it: ``*`` into the items of a list, tuple or set, ``k`` and ``v`` into the keys
and the values of a dict. ``(1, "**")``: the items of the rows of the second argument."""


def values_at(arguments: Arguments) -> Iterator[tuple[Path, Value]]:
    """Every value in the arguments with its path, outer ones first."""
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
    """Path -> all values that stand there in any of the inputs, in their order."""
    found: dict[Path, list[Value]] = {}
    for arguments in inputs:
        for path, value in values_at(arguments):
            found.setdefault(path, []).append(value)
    return found


def is_number(value: Value) -> bool:
    """Whether it is an int or a float, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def written(value: Value) -> str:
    """The literal that stands for a value; items of sets in the order of their literals, not of this process's hashes.

    As ``repr`` has it where there is no set.
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
