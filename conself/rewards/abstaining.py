"""A reward that abstains where little evidence supports a solution: precision at the cost of fewer groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.by_tests import NO_TESTS, classes
from conself.rankings.ranked import Ranking
from conself.records import Pool, Undefined
from conself.rewards.reward import Reward

TOO_FEW = "too few candidates or tests are held right"


@dataclass(frozen=True)
class Abstaining:
    """Apply ``reward`` only where ``ranking`` accepts k of N programs and q of M tests, k/N and q/M >= ``least_share``.

    N counts the programs that run on at least one test. Other groups get no reward: a wrong reward does more harm than
    none (arXiv 2604.07666).

    Raises:
        ValueError: ``least_share`` is not in [0, 1].
    """

    needs_tests: ClassVar[bool] = True

    reward: Reward
    ranking: Ranking
    least_share: float

    def __post_init__(self) -> None:
        if not 0 <= self.least_share <= 1:
            raise ValueError(f"reward.least_share must lie in [0, 1], got {self.least_share}; 0.25 is a start")

    def __call__(
        self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None, progress: float
    ) -> Sequence[float] | Undefined:
        """Return the values of ``reward``, or Undefined where it abstains or the ranking has no winner."""
        if passing is None or not passing.n_tests:
            return Undefined(NO_TESTS)
        ranked = self.ranking(pool, agreement, passing)
        if ranked.reason is not None:
            return Undefined(ranked.reason)
        running = sum(each.size for each in classes(passing))
        shares = len(ranked.solutions) / running, len(ranked.tests) / passing.n_tests
        if min(shares) < self.least_share:
            return Undefined(TOO_FEW)
        return self.reward(pool, agreement, passing, progress)
