"""Reward 1 for the responses that a ranking accepts as right: ZeroCoder's reward of programs (arXiv 2604.07864)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.ranked import Ranking
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class Selected:
    """Reward 1 for the ``solutions`` of a ranking by generated tests, else 0; undefined where it has no winner."""

    needs_tests: ClassVar[bool] = True

    ranking: Ranking

    def __call__(
        self,
        pool: Pool,
        agreement: Agreement,
        passing: PassingMatrix | None,
        progress: float,  # noqa: ARG002
    ) -> Sequence[float] | Undefined:
        """Return 0 or 1 for each candidate, or Undefined with the ranking's reason."""
        ranked = self.ranking(pool, agreement, passing)
        if ranked.reason is not None:
            return Undefined(ranked.reason)
        return [float(index in ranked.solutions) for index in range(len(pool.candidates))]
