"""DPO: every pair counts the same. The ablation "w/o CW" and the baseline Self-DPO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conself.losses.output import LogProbs, LossOutput, check_beta, preference

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class DPO:
    """``-logsigmoid(r(yw, yl))``: Con-DPO (Eq. 5) with R(yw) = 1; ``beta`` scales r (Eq. 4)."""

    needs_reference: ClassVar[bool] = True
    needs_losers: ClassVar[bool] = True
    needs_weight: ClassVar[bool] = False

    beta: float

    def __post_init__(self) -> None:
        check_beta(self.beta)

    def __call__(self, policy: LogProbs, reference: LogProbs | None, winner_weight: Tensor) -> LossOutput:
        """The loss [N] of each pair, ``winner_weight`` being ignored; diagnostics as in Con-DPO.

        Raises:
            ValueError: there is no reference, or there are no losers.
        """
        return preference(policy, reference, winner_weight.new_ones(winner_weight.shape), self.beta)
