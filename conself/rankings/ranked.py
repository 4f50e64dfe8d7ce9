"""The contract of a ranking, and its result."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar, Protocol

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.records import Pool

TIE = 1e-12
"""Scores closer than this are equal."""

ALL_CRASHED = "every candidate crashed"
Order = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Ranked:
    """A ranking's order of the K candidates of one problem, and its choice among them.

    Attributes:
        order: groups of candidate indices, best first; each group is tied and sorted by index.
        left_out: the candidates in no group, by index: they showed no behaviour to rank. Every candidate is in either
            ``order`` or ``left_out``, once.
        solutions: the candidates judged right, several if scores are tied; the first is the winner. Empty without a
            winner.
        tests: the tests judged right, by index: columns of a passing matrix, or inputs if the ranking makes tests of
            them; empty for a ranking that chooses none.
        winner_weight: R(y_w), the candidates' support for the winner, in [0, 1]; None without a winner, or if the
            ranking gives no weight.
        reason: why there is no winner, as one of a few fixed texts so that reasons can be counted; None if there is
            one.
        applies: False if the pool lacks the data that the ranking reads (likelihoods, tests): then the ranking is
            neither right nor wrong. A problem without a winner for any other reason counts as not solved.
    """

    order: Order
    left_out: tuple[int, ...]
    solutions: tuple[int, ...]
    tests: tuple[int, ...]
    winner_weight: float | None
    reason: str | None
    applies: bool

    @property
    def size(self) -> int:
        """K, the number of candidates."""
        return sum(map(len, self.order)) + len(self.left_out)

    @property
    def winner(self) -> int | None:
        """The chosen candidate; None if there is none."""
        return self.solutions[0] if self.solutions else None

    @property
    def losers(self) -> tuple[int, ...]:
        """All candidates ranked strictly below the winner, worst first, ties by index; then those left out."""
        if self.winner is None:
            return ()
        groups = iter(self.order)
        while self.winner not in next(groups):
            pass
        return tuple(index for group in reversed(list(groups)) for index in group) + self.left_out


class Ranking(Protocol):
    """Orders the candidates of a problem by behaviour, text or likelihood, without an oracle.

    ``passing`` holds the outcomes of generated tests; None without tests. ``gives_weight`` says whether winners have a
    ``winner_weight``, which losses that weight pairs need.
    """

    gives_weight: ClassVar[bool]

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:
        """Order the pool's candidates and choose a winner."""
        ...


def by_score(scores: Sequence[float], members: Collection[int]) -> Order:
    """Group ``members`` (indices into K ``scores``) from highest to lowest; a group is within ``TIE`` of its best."""
    groups: list[list[int]] = []
    for index in sorted(members, key=lambda index: (-scores[index], index)):
        if groups and scores[index] >= scores[groups[-1][0]] - TIE:
            groups[-1].append(index)
        else:
            groups.append([index])
    return tuple(tuple(sorted(group)) for group in groups)


def chosen(
    order: Order, size: int, solutions: tuple[int, ...], tests: tuple[int, ...], winner_weight: float | None
) -> Ranked:
    """Build the ranking of ``size`` candidates with a winner; candidates not in ``order`` are left out."""
    return Ranked(order, _others(order, size), solutions, tests, winner_weight, reason=None, applies=True)


def nobody(size: int, reason: str, order: Order = (), *, applies: bool = True) -> Ranked:
    """Build a ranking of ``size`` candidates without a winner, and the reason; ``applies`` as in :class:`Ranked`."""
    return Ranked(order, _others(order, size), (), (), None, reason, applies)


def nothing_to_rank(agreement: Agreement) -> Ranked | None:
    """Return the ranking without a winner if no candidate showed any behaviour; None if one did."""
    if agreement.n_alive:
        return None
    return nobody(len(agreement.crashed), ALL_CRASHED if agreement.crashed else "no candidates")


def alive(agreement: Agreement) -> list[int]:
    """Return the candidates that did not crash on all inputs, by index."""
    return [index for index, crashed in enumerate(agreement.crashed) if not crashed]


def _others(order: Order, size: int) -> tuple[int, ...]:
    ranked = {index for group in order for index in group}
    return tuple(index for index in range(size) if index not in ranked)


def mean_weight(ranked: Sequence[Ranked]) -> float:
    """Return the mean weight of winners over at least one problem; a problem without a winner counts as 0."""
    return fmean(each.winner_weight or 0.0 for each in ranked)
