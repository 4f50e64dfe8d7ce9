"""The surest program first: a ranking by confidence. It carries labels of other pools, and says so."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.ranked import Ranked, alive, by_score, chosen, nothing_to_rank
from conself.records import Pool
from conself.statistics.confidence import Confidence


@dataclass(frozen=True)
class MostConfident:
    """By the probability of being right, the winner's weight; only where ``labels: pools`` is said."""

    labels: ClassVar[str] = "pools"
    gives_weight: ClassVar[bool] = True

    confidence: Confidence

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Nobody is chosen where every candidate crashed; of equal probabilities the lowest index wins."""
        if empty := nothing_to_rank(agreement):
            return empty
        scores = self.confidence(pool, agreement)
        order = by_score(scores, alive(agreement))
        return chosen(order, len(scores), order[0], (), scores[order[0][0]])
