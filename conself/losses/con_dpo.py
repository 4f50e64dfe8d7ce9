"""Con-DPO: preference learning where each pair counts as much as the candidates agree with its winner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conself.losses.output import LogProbs, LossOutput, check_beta, preference

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class ConDPO:
    """Eq. 5: ``-R(yw) * logsigmoid(r(yw, yl))``, ``winner_weight`` being R(yw); ``beta`` scales r (Eq. 4)."""

    needs_reference: ClassVar[bool] = True
    needs_losers: ClassVar[bool] = True
    needs_weight: ClassVar[bool] = True

    beta: float

    def __post_init__(self) -> None:
        check_beta(self.beta)

    def __call__(self, policy: LogProbs, reference: LogProbs | None, winner_weight: Tensor) -> LossOutput:
        """The loss [N] of each pair, with the diagnostics of :func:`~conself.losses.output.preference`.

        Raises:
            ValueError: there is no reference, or there are no losers.
        """
        return preference(policy, reference, winner_weight, self.beta)
