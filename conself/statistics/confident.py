"""Rankings and metrics by confidence. They carry labels of other pools, and say so: ``labels: pools``."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.ranked import Ranked, alive, by_score, chosen, nothing_to_rank
from conself.records import Pool, Undefined
from conself.statistics.confidence import Confidence


@dataclass(frozen=True)
class MostConfident:
    """By the probability of being right, which is also the weight of the winner."""

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


@dataclass(frozen=True)
class Doubt:
    """One minus the largest probability of being right; Undefined where every candidate crashed."""

    labels: ClassVar[str] = "pools"

    confidence: Confidence

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """A value in [0, 1]."""
        if not agreement.n_alive:
            return Undefined("every candidate crashed")
        return 1 - max(self.confidence(pool, agreement))
