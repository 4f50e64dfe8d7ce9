"""The contract of rewards of testers, and what they go by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from conself.agreement.passing_matrix import PassingMatrix


@dataclass(frozen=True)
class Evidence:
    """What the programs of a problem, and mutants of one of them, did on the tests of R replies.

    Attributes:
        replies: for each reply the columns of ``passing`` that are its tests, ascending; none of a reply that was not
            in the form that was asked for. Where equal tests are one column, replies share it.
        passing: K candidates x M columns.
        right: the candidates that are held right, ascending; at least one.
        proxy: the one of them that mutants were made of, in place of a reference solution.
        kills: for each mutant that behaves unlike the proxy on some input of the problem's tests, whether its outcome
            differs from the proxy's on an input of each column; empty where there is no such mutant.

    Raises:
        ValueError: the proxy is not held right, or a row of ``kills`` has not M cells.
    """

    replies: tuple[tuple[int, ...], ...]
    passing: PassingMatrix
    right: tuple[int, ...]
    proxy: int
    kills: tuple[tuple[bool, ...], ...]

    def __post_init__(self) -> None:
        if self.proxy not in self.right:
            raise ValueError(f"the proxy must be one of the candidates held right, {self.right}; got {self.proxy}")
        wrong = {len(row) for row in self.kills} - {self.passing.n_tests}
        if wrong:
            raise ValueError(f"kills of {self.passing.n_tests} tests need as many cells a mutant, got {wrong.pop()}")


class TesterReward(Protocol):
    """What each of the replies is worth in which tests of a problem were written.

    ``needs_mutants`` says whether ``kills`` are read: making and running them takes time.
    """

    needs_mutants: ClassVar[bool]

    def __call__(self, evidence: Evidence, progress: float) -> Sequence[float]:
        """A finite number for each reply, in their order; ``progress`` as in :class:`conself.rewards.reward.Reward`."""
        ...


def of_replies(evidence: Evidence, columns: Sequence[float], unparsable: float) -> list[float]:
    """The mean of what a reply's columns are worth, for each reply; ``unparsable`` for one that has none."""
    return [sum(columns[index] for index in reply) / len(reply) if reply else unparsable for reply in evidence.replies]
