"""The paper's curriculum: problems that are uncertain, but not too uncertain."""

from collections.abc import Sequence
from dataclasses import dataclass

from conself.curricula.selection import Selection, sift
from conself.records import Uncertainty


@dataclass(frozen=True)
class EntropyBand:
    """Keeps the problems with 0 < H_norm < tau, strict on both sides (Eq. 3: docs/method.md#curriculum).

    Problems with H = 0 are always dropped; so is the problem at the minimum, even if that is above 0.

    Args:
        tau: upper bound in (0, 1]; at 1 the problem at the maximum is dropped.

    Raises:
        ValueError: ``tau`` lies outside (0, 1].
    """

    tau: float

    def __post_init__(self) -> None:
        if not 0 < self.tau <= 1:
            raise ValueError(f"tau must lie in (0, 1], got {self.tau}; see Eq. 3 in docs/method.md#curriculum")

    def __call__(self, uncertainties: Sequence[Uncertainty]) -> Selection:
        """Select the problems inside the band, in the order given, with a reason for dropping each other one."""
        return sift(uncertainties, self._why_not)

    def _why_not(self, uncertainty: Uncertainty, normalised: float) -> str | None:
        if uncertainty.value == 0:
            return "unanimous (H = 0)"
        if normalised <= 0:
            return "least uncertain (H_norm = 0)"
        return "too uncertain (H_norm >= tau)" if normalised >= self.tau else None
