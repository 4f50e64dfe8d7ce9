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
        """Yield the problems, without oracles."""
        return (problem for problem, _ in split(self.split, self.size, self.seed))

    def oracles(self) -> Iterator[Oracle]:
        """Yield the expected outputs of the same problems, in the same order: for analysis alone."""
        return (oracle for _, oracle in split(self.split, self.size, self.seed))

    def statements(self) -> Iterator[str]:
        """Yield nothing: splits share no composition, though a longer composition may contain a shorter one's."""
        return iter(())

    def fingerprint(self) -> str:
        """Return the identity of the problems' content, which depends on the generator's code as well."""
        return fingerprint([(problem, None) for problem in self()])
