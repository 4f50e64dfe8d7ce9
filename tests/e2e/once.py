"""A curriculum that finds something to learn from once: what a second round is given is dropped."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conself.curricula.all_problems import AllProblems
from conself.curricula.selection import Selection
from conself.records import Uncertainty


@dataclass(frozen=True)
class Once:
    """Keeps everything where ``marker`` is not there yet, and puts it there; nothing where it is."""

    marker: str

    def __call__(self, uncertainties: Sequence[Uncertainty]) -> Selection:
        selection = AllProblems()(uncertainties)
        if Path(self.marker).exists():
            return replace(selection, kept=(), dropped={u.problem_id: "seen" for u in uncertainties})
        Path(self.marker).touch()
        return selection
