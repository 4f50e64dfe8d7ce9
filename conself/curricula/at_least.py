"""Keep problems whose value reaches a threshold, such as ZeroCoder's on the rank of the passing matrix."""

from collections.abc import Sequence
from dataclasses import dataclass

from conself.curricula.selection import Selection, sift
from conself.records import Uncertainty


@dataclass(frozen=True)
class AtLeast:
    """Keeps the problems whose value, not normalised, is at least ``threshold``.

    At 0 every problem with a defined value is kept, as in ZeroCoder's table of thresholds on ranks (arXiv 2604.07864).
    """

    threshold: float

    def __call__(self, uncertainties: Sequence[Uncertainty]) -> Selection:
        """Select the problems that reach the threshold, in the order given, with reasons against the others."""
        below = f"below curriculum.threshold ({self.threshold:g})"
        return sift(uncertainties, lambda u, _: below if u.value is None or u.value < self.threshold else None)
