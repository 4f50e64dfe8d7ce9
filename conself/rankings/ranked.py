"""What a ranking is, and what it gives."""

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
    """How a ranking orders the K candidates of one problem, and which of them it chooses.

    Attributes:
        order: groups of candidate indices, best first; those of a group are tied, and stand by index.
        left_out: the candidates in no group, by index: they showed no behaviour that could be ranked. With ``order``
            all K, each once.
        solutions: the candidates that are held right, which may differ where scores are tied; the first is the winner.
            Empty where nobody is chosen.
        tests: what is held right of the tests, by index: of the columns of a passing matrix, or of the inputs for a
            ranking that makes tests of them; empty for one that chooses none.
        winner_weight: R(y_w), how much the candidates speak for the winner, in [0, 1]; None where nobody is chosen, or
            where the ranking gives no such figure.
        reason: why nobody is chosen, in one of few fixed texts, so that reasons can be counted; None where one is.
        applies: False where the pool lacks what the ranking reads (likelihoods, tests): then it is neither right nor
            wrong, while a problem without a winner for any other reason is not solved.
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
        """The candidate that is chosen; None where nobody is."""
        return self.solutions[0] if self.solutions else None

    @property
    def losers(self) -> tuple[int, ...]:
        """All that are ranked strictly below the winner, worst first, ties by index; then those left out."""
        if self.winner is None:
            return ()
        groups = iter(self.order)
        while self.winner not in next(groups):
            pass
        return tuple(index for group in reversed(list(groups)) for index in group) + self.left_out


class Ranking(Protocol):
    """Orders the candidates of a problem by what they do and what they are, without an oracle.

    ``passing`` is the outcome of generated tests, None where there are none. ``gives_weight`` says whether winners have
    a ``winner_weight``, which losses that weigh pairs need.
    """

    gives_weight: ClassVar[bool]

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:
        """The order of the pool's candidates, and who is chosen."""
        ...


def by_score(scores: Sequence[float], members: Collection[int]) -> Order:
    """``members``, indices of K ``scores``, from the highest to the lowest; scores within ``TIE`` of a group's best."""
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
    """The ranking of ``size`` candidates with somebody chosen; who is not in ``order`` is left out."""
    return Ranked(order, _others(order, size), solutions, tests, winner_weight, reason=None, applies=True)


def nobody(size: int, reason: str, order: Order = (), *, applies: bool = True) -> Ranked:
    """The ranking of ``size`` candidates with nobody chosen, and why; ``applies`` as :class:`Ranked` has it."""
    return Ranked(order, _others(order, size), (), (), None, reason, applies)


def nothing_to_rank(agreement: Agreement) -> Ranked | None:
    """The ranking by behaviour of candidates of which none showed any; None where one did."""
    if agreement.n_alive:
        return None
    return nobody(len(agreement.crashed), ALL_CRASHED if agreement.crashed else "no candidates")


def alive(agreement: Agreement) -> list[int]:
    """The candidates that did not crash on all inputs, by index."""
    return [index for index, crashed in enumerate(agreement.crashed) if not crashed]


def _others(order: Order, size: int) -> tuple[int, ...]:
    ranked = {index for group in order for index in group}
    return tuple(index for index in range(size) if index not in ranked)


def mean_weight(ranked: Sequence[Ranked]) -> float:
    """How much the candidates speak for their winners, over at least one problem; one without a winner counts 0."""
    return fmean(each.winner_weight or 0.0 for each in ranked)
