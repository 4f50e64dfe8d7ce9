"""How texts of many pools are grouped: all of them in one go, with word of how far that is."""

from collections.abc import Generator, Sequence
from typing import Protocol, TypeVar

Result = TypeVar("Result")
Steps = Generator[int, None, Result]
"""Work on many texts: yields how many more are done (copies counted), and returns what came of them."""


class Grouping(Protocol):
    """Texts to the numbers of their groups; equal texts share one. The order of texts may matter: they come sorted."""

    def over(self, pools: Sequence[Sequence[str]]) -> Steps[list[list[int]]]:
        """The number of each text's group, pool by pool."""


def finished(steps: Steps[Result]) -> Result:
    """What the work returns, once it is done."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
