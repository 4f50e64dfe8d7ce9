"""The problems whose value reaches a threshold, such as ZeroCoder's on the rank of the passing matrix."""

from collections.abc import Sequence
from dataclasses import dataclass

from conself.curricula.selection import Selection, normalise
from conself.records import Uncertainty


@dataclass(frozen=True)
class AtLeast:
    """Keeps the problems whose value, as it is and not normalised, is ``threshold`` or more.

    At 0 every problem with a defined value stays, as in ZeroCoder's table of thresholds on ranks (arXiv 2604.07864).
    """

    threshold: float

    def __call__(self, uncertainties: Sequence[Uncertainty]) -> Selection:
        """The problems that reach it, in the order given, and a reason for every other."""
        low, high, normalised = normalise(uncertainties)
        reasons = {u.problem_id: self._why_not(u) for u in uncertainties}
        return Selection(
            kept=tuple(problem for problem, reason in reasons.items() if reason is None),
            ranked=False,
            dropped={problem: reason for problem, reason in reasons.items() if reason is not None},
            minimum=low,
            maximum=high,
            normalised=normalised,
        )

    def _why_not(self, uncertainty: Uncertainty) -> str | None:
        if uncertainty.value is None:
            return f"undefined: {uncertainty.reason}"
        return None if uncertainty.value >= self.threshold else f"below curriculum.threshold ({self.threshold:g})"
