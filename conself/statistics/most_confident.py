"""A ranking by confidence. It uses labels of other pools, and declares it."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.ranked import Ranked, alive, by_score, chosen, nothing_to_rank
from conself.records import Pool
from conself.statistics.confidence import Confidence


@dataclass(frozen=True)
class MostConfident:
    """Rank by the probability of being right, which is the winner's weight; only in jobs with ``labels: pools``."""

    labels: ClassVar[str] = "pools"
    gives_weight: ClassVar[bool] = True

    confidence: Confidence

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by confidence; no winner if every candidate crashed; of equal probabilities the lowest index wins."""
        if empty := nothing_to_rank(agreement):
            return empty
        scores = self.confidence(pool, agreement)
        order = by_score(scores, alive(agreement))
        return chosen(order, len(scores), order[0], (), scores[order[0][0]])
