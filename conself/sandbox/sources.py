"""Text that somebody else wrote, read as Python: what the compiler warns of in it is no news to whoever runs us.

``'\\d'`` and ``x is 1`` in a candidate or an input make CPython print a SyntaxWarning with a line of that program.
"""

import ast
import warnings
from _thread import RLock
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Value = Any
"""A value of Python: what a literal says, or what a program holds and returns. Its type is learned by looking at it."""

_FILTERS = RLock()  # the filters belong to the whole process, and threads that change them undo each other's changes


@contextmanager
def unwarned() -> Iterator[None]:
    """No warnings from the block, in this thread or another; threads go through it one at a time."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parse(source: str) -> ast.Module:
    """The syntax tree of a program; it says nothing of what it warns of, and raises as ``ast.parse``."""
    with unwarned():
        return ast.parse(source)


def literal(text: str) -> Value:
    """The value of a literal; it says nothing of what it warns of, and raises as ``ast.literal_eval``."""
    with unwarned():
        return ast.literal_eval(text)
