"""Ran at least: take the first sample that runs on enough inputs; an ablation of reliable clusters."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.ranked import Ranked, alive, chosen, nobody, nothing_to_rank
from conself.rankings.reliable_cluster import execution_rates
from conself.records import Pool


@dataclass(frozen=True)
class RanAtLeast:
    """Rank by index the candidates that run on a ``share`` of the inputs; gives no weight.

    Args:
        share: minimal share of the inputs.
        drop_dead_inputs: inputs on which every candidate crashes don't count.

    Raises:
        ValueError: ``share`` is outside (0, 1].
    """

    gives_weight: ClassVar[bool] = False

    share: float
    drop_dead_inputs: bool

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"ranking.share must lie in (0, 1], got {self.share}; UCoder's ablation uses 0.5")

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by index; no winner if no candidate runs on enough inputs."""
        size = len(pool.candidates)
        if empty := nothing_to_rank(agreement):
            return empty
        rates = execution_rates(agreement.keys, self.drop_dead_inputs)
        order = tuple((index,) for index in alive(agreement) if rates[index] >= self.share)
        return chosen(order, size, order[0], (), None) if order else nobody(size, "no candidate runs on enough inputs")
