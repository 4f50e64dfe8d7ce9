"""No curriculum: the ablation "w/o CC", Self-DPO, Self-SFT."""

from collections.abc import Sequence
from dataclasses import dataclass

from conself.curricula.selection import Selection, normalise
from conself.records import Uncertainty


@dataclass(frozen=True)
class AllProblems:
    """Keeps every problem, with or without a defined uncertainty; pairing drops those that have no pair."""

    def __call__(self, uncertainties: Sequence[Uncertainty]) -> Selection:
        """Keep all problems, in the order given."""
        low, high, normalised = normalise(uncertainties)
        kept = tuple(uncertainty.problem_id for uncertainty in uncertainties)
        return Selection(kept=kept, ranked=False, dropped={}, minimum=low, maximum=high, normalised=normalised)
