"""The contract of proposers: how a model is asked for problems, and how its answers are read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from conself.engines.engine import Complete, Demand
from conself.proposers.proposal import Answered, Brief, Proposal
from conself.proposers.sieve import Sieve


class Proposer(ABC):
    """Asks a model for problems. Its questions depend only on its fields and the brief.

    Attributes:
        problems: the number of problems wanted.
        max_asks: the most briefs to spend on them.
        sieve: drops duplicates and benchmark problems.
    """

    problems: int
    sieve: Sieve

    @property
    @abstractmethod
    def max_asks(self) -> int:
        """The most briefs to spend."""

    @property
    @abstractmethod
    def demand(self) -> Demand:
        """The work of an engine per brief."""

    @abstractmethod
    def briefs(self, first: int, count: int) -> list[Brief]:
        """Return briefs number ``first`` to ``first + count - 1``; each depends only on its number and the seed."""

    @abstractmethod
    def __call__(self, briefs: Sequence[Brief], complete: Complete) -> Iterator[list[Answered]]:
        """Yield the model's answers to each brief, in order, as soon as they are complete.

        It must ask the same given the same replies, and be cheap: an engine may call it again for one brief.
        """

    @abstractmethod
    def read(self, brief: Brief, answered: Sequence[Answered]) -> Proposal:
        """Read the problem from the answers, or the reason why there is none. Nothing in them is executed."""

    def fingerprint(self) -> str:
        """Return what its asks depend on besides its fields and an engine: the content of a file, for example."""
        return ""

    def check(self) -> None:  # noqa: B027 - most have nothing that their settings do not tell
        """Check the proposer's files and settings before any work.

        Raises:
            OSError: a file cannot be read; with the remedy.
            ValueError: as OSError.
        """
