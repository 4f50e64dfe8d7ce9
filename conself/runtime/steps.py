"""Work that says how far it is: generators that yield counts and return what came of it all."""

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Steps = Generator[int, None, Result]
"""Yields how many more are done, and returns the result."""


def finished(steps: Steps[Result]) -> Result:
    """The result, once all is done."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
