"""First: take the first sample; the baseline without any ranking."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.ranked import Ranked, chosen, nobody
from conself.records import Pool


@dataclass(frozen=True)
class First:
    """Rank by index; gives no weight."""

    gives_weight: ClassVar[bool] = False

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by index; no winner only if there are no candidates."""
        total = len(pool.candidates)
        if not total:
            return nobody(total, "no candidates")
        return chosen(tuple((index,) for index in range(total)), total, (0,), (), None)
