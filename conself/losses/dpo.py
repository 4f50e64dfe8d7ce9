"""DPO: every pair has the same weight. The ablation "w/o CW" and the baseline Self-DPO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from conself.losses.output import LogProbs, LossOutput, MeanOver, Signal, check_beta
from conself.losses.preference import preference


@dataclass(frozen=True, slots=True)
class DPO:
    """``-logsigmoid(r(yw, yl))``: Con-DPO (Eq. 5) with R(yw) = 1; ``beta`` scales r (Eq. 4)."""

    needs_reference: ClassVar[bool] = True
    needs_losers: ClassVar[bool] = True
    needs_weight: ClassVar[bool] = False
    needs_rollouts: ClassVar[bool] = False
    mean_over: ClassVar[MeanOver] = "pairs"

    beta: float

    def __post_init__(self) -> None:
        check_beta(self.beta)

    def __call__(self, policy: LogProbs, reference: LogProbs | None, signal: Signal) -> LossOutput:
        """Compute the loss [N] of each pair; ``signal.values`` is ignored; diagnostics as in Con-DPO.

        Raises:
            ValueError: there is no reference, or there are no losers.
        """
        return preference(policy, reference, signal.rows, signal.values.new_ones(len(signal.rows)), self.beta)
