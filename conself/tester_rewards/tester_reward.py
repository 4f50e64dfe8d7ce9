"""The interface of tester rewards, and the evidence they use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from conself.agreement.passing_matrix import PassingMatrix


@dataclass(frozen=True)
class Evidence:
    """The outcomes of a problem's programs, and of mutants of one of them, on the tests of R replies.

    Attributes:
        replies: for each reply, the columns of ``passing`` that are its tests, ascending; empty for a reply not
            in the requested format. Where equal tests form one column, replies share it.
        passing: K candidates x M columns.
        right: the candidates accepted as right, ascending; at least one.
        proxy: the one of them that was mutated, in place of a reference solution.
        kills: for each mutant that differs from the proxy on some input of the problem's tests, whether its outcome
            differs from the proxy's on an input of each column; empty where there is no such mutant.

    Raises:
        ValueError: the proxy is not accepted as right, or a row of ``kills`` does not have M cells.
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
    """Reward each of the replies in which tests of a problem were written.

    ``needs_mutants`` is whether ``kills`` are read: making and running mutants takes time.
    """

    needs_mutants: ClassVar[bool]

    def __call__(self, evidence: Evidence, progress: float) -> Sequence[float]:
        """Return a finite number per reply, in order; ``progress`` as in :class:`conself.rewards.reward.Reward`."""
        ...


def of_replies(evidence: Evidence, columns: Sequence[float], unparsable: float) -> list[float]:
    """Return the mean reward of each reply's columns; ``unparsable`` for a reply without columns."""
    return [sum(columns[index] for index in reply) / len(reply) if reply else unparsable for reply in evidence.replies]
