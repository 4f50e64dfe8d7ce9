"""Programs that carry something from one input to the next if nobody looks, as data. They lie in text files.

Each is run several times on the same input: all rows must be the same. ``borrowed.txt`` holds ways to get at an object
of a library, which is in brackets: each makes three programs, which count their runs on an attribute of that object.
"""

from pathlib import Path

from tests.sandbox.corpus import read

FOLDER = Path(__file__).with_name("stateful_programs")
_COUNT = "try: {0}.n += 1\nexcept AttributeError: {0}.n = 1\n"


def _indented(text: str) -> str:
    return "".join(f" {line}\n" for line in text.splitlines())


def _table(name: str) -> dict[str, str]:
    return {entry.name: entry.source for entry in read(FOLDER / f"{name}.txt")}


_BORROWED = read(FOLDER / "borrowed.txt")
CALLS: dict[str, str] = {
    **{
        name: source
        for file in ("values", "functions", "classes", "iterators", "process")
        for name, source in _table(file).items()
    },
    **{
        f"{entry.name}, while loading": f"x = 1\n{entry.source}def f(x):\n"
        + _indented(_COUNT.format(entry.argument) + f"return {entry.argument}.n")
        for entry in _BORROWED
    },
    **{
        f"{entry.name}, in the call": "def f(x):\n"
        + _indented(entry.source + _COUNT.format(entry.argument) + f"return {entry.argument}.n")
        for entry in _BORROWED
        if not any(text in entry.source for text in ("import *", "TypeVar(", "NewType("))  # it would be a new one
    },
}
"""Call programs with the entry point ``f``, for the argument 1."""
NUMPY = _table("numpy")
"""Call programs that need numpy."""
STDIN: dict[str, str] = {
    **_table("stdin"),
    **_table("streams"),
    **{
        entry.name: f"x = 1\n{entry.source}{_COUNT.format(entry.argument)}print({entry.argument}.n)\n"
        for entry in _BORROWED
    },
}
"""Stdin programs, for a line with the number 1."""
