"""Parse foreign text as Python, without the compiler's warnings about it.

``'\\d'`` and ``x is 1`` in a candidate or an input make CPython print a SyntaxWarning with a line of that program.
"""

import ast
import warnings
from _thread import RLock
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Value = Any
"""A Python value of unknown type: of a literal, or of a program."""

_FILTERS = RLock()  # the filters belong to the whole process, and threads that change them undo each other's changes


@contextmanager
def unwarned() -> Iterator[None]:
    """Suppress warnings in the block, in all threads; threads enter it one at a time."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parse(source: str) -> ast.Module:
    """Parse a program without warnings; raises as ``ast.parse``."""
    with unwarned():
        return ast.parse(source)


def literal(text: str) -> Value:
    """Evaluate a literal without warnings; raises as ``ast.literal_eval``."""
    with unwarned():
        return ast.literal_eval(text)
