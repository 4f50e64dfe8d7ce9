"""Con-DPO: preference learning with each pair weighted by the candidates' agreement with its winner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from conself.losses.output import LogProbs, LossOutput, MeanOver, Signal, check_beta
from conself.losses.preference import preference


@dataclass(frozen=True, slots=True)
class ConDPO:
    """Eq. 5: ``-R(yw) * logsigmoid(r(yw, yl))``, where R(yw) is the winner's signal; ``beta`` scales r (Eq. 4)."""

    needs_reference: ClassVar[bool] = True
    needs_losers: ClassVar[bool] = True
    needs_weight: ClassVar[bool] = True
    needs_rollouts: ClassVar[bool] = False
    mean_over: ClassVar[MeanOver] = "pairs"

    beta: float

    def __post_init__(self) -> None:
        check_beta(self.beta)

    def __call__(self, policy: LogProbs, reference: LogProbs | None, signal: Signal) -> LossOutput:
        """Compute the loss [N] of each pair, with the diagnostics of :func:`~conself.losses.preference.preference`.

        Raises:
            ValueError: there is no reference, or there are no losers.
        """
        return preference(policy, reference, signal.rows, signal.values[:, 0], self.beta)
