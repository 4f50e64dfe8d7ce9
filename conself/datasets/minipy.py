"""The embedded world's problems as a data set."""

from collections.abc import Iterator
from dataclasses import dataclass

from conself.minipy.splits import fingerprint, split
from conself.oracles import Oracle
from conself.records import Problem


@dataclass(frozen=True)
class MiniPy:
    """``size`` problems of a split (``train``, ``validation`` or ``test``), the same for the same ``seed``.

    Raises:
        ValueError: unknown split, or a size below 1.
    """

    split: str
    size: int
    seed: int

    def __call__(self) -> Iterator[Problem]:
        """The problems, without oracles."""
        return (problem for problem, _ in split(self.split, self.size, self.seed))

    def oracles(self) -> Iterator[Oracle]:
        """Expected outputs of the same problems, in the same order: for analysis alone."""
        return (oracle for _, oracle in split(self.split, self.size, self.seed))

    def statements(self) -> Iterator[str]:
        """None: a split shares no composition with another, but a longer composition may contain a shorter one's."""
        return iter(())

    def fingerprint(self) -> str:
        """Identity of the problems' content: it follows the generator's code, not only these settings."""
        return fingerprint([(problem, None) for problem in self()])
