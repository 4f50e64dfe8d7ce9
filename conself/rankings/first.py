"""First: one sample, as it comes; what not ranking at all is worth."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.ranked import Ranked, chosen, nobody
from conself.records import Pool


@dataclass(frozen=True)
class First:
    """By index; there is no weight."""

    gives_weight: ClassVar[bool] = False

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Nobody is chosen only where there are no candidates."""
        total = len(pool.candidates)
        if not total:
            return nobody(total, "no candidates")
        return chosen(tuple((index,) for index in range(total)), total, (0,), (), None)
