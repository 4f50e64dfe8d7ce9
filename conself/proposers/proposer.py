"""The contract of proposers: what is asked of the model, and which problem comes of its answers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from conself.engines.engine import Complete, Demand
from conself.proposers.proposal import Answered, Brief, Proposal
from conself.proposers.sieve import Sieve


class Proposer(ABC):
    """Asks a model for problems. All that it asks depends on its fields and the brief.

    Attributes:
        problems: how many problems are wanted.
        max_asks: how many briefs may be spent on them.
        sieve: what leaves out repeated problems and those of benchmarks.
    """

    problems: int
    sieve: Sieve

    @property
    @abstractmethod
    def max_asks(self) -> int:
        """How many briefs may be spent at most."""

    @property
    @abstractmethod
    def demand(self) -> Demand:
        """How much is asked of an engine per brief at once."""

    @abstractmethod
    def briefs(self, first: int, count: int) -> list[Brief]:
        """The briefs number ``first`` to ``first + count - 1``; each depends on its number and the seed alone."""

    @abstractmethod
    def __call__(self, briefs: Sequence[Brief], complete: Complete) -> Iterator[list[Answered]]:
        """What the model answers to each brief, in order, each as it is there.

        It must ask the same given the same replies, and be cheap: an engine may call it again for one brief.
        """

    @abstractmethod
    def read(self, brief: Brief, answered: Sequence[Answered]) -> Proposal:
        """The problem that the answers make, or why there is none. Nothing of them is executed."""

    def fingerprint(self) -> str:
        """What its asks depend on beside its fields and an engine: the content of a file, say."""
        return ""

    def check(self) -> None:  # noqa: B027 - most have nothing that their settings do not tell
        """Refuse what cannot be asked, before any work.

        Raises:
            OSError: a file cannot be read; with the remedy.
            ValueError: as OSError.
        """
