"""1 for the responses that a ranking holds right: ZeroCoder's reward of programs (arXiv 2604.07864)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.ranked import Ranking
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class Selected:
    """1 for the ``solutions`` of a ranking by generated tests, 0 for all others; nothing where it chooses nobody."""

    needs_tests: ClassVar[bool] = True

    ranking: Ranking

    def __call__(
        self,
        pool: Pool,
        agreement: Agreement,
        passing: PassingMatrix | None,
        progress: float,  # noqa: ARG002
    ) -> Sequence[float] | Undefined:
        """0 or 1 for each candidate; why not, in the ranking's words."""
        ranked = self.ranking(pool, agreement, passing)
        if ranked.reason is not None:
            return Undefined(ranked.reason)
        return [float(index in ranked.solutions) for index in range(len(pool.candidates))]
