"""The weights of the current step on disk, for engines that load them by path."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conself.models.transformers import tuned_model
from conself.online.canary import GREEDY, Canary
from conself.records import ModelRef

if TYPE_CHECKING:
    from conself.engines.transformers.ledger import Request
    from conself.training.learner import Learner


@dataclass
class Worn:
    """The weights of the current step, saved so that engines can load them by path.

    Each step's get a folder of their own below ``folder``, so that they can't be confused. ``tuning`` is the name of
    the folder that the learner saves into; ``prompt`` is that of the canary.
    """

    learner: Learner
    model: ModelRef
    folder: Path
    tuning: str
    prompt: Request
    canary: Canary | None = None

    def at(self, step: int) -> tuple[ModelRef, Canary]:
        """Return the model with the weights after ``step`` steps, saved now if they are new, and their canary."""
        if self.canary is None or self.canary.step != step:
            self.learner.save(self.place(step) / self.tuning)
            ((ours,),) = self.learner.draw(self.model, [self.prompt], GREEDY, 1)
            self.canary = Canary(step, self.prompt, ours)
        return tuned_model(self.model, self.place(step)), self.canary

    def place(self, step: int) -> Path:
        """Return the folder of the weights after ``step`` steps."""
        return self.folder / f"step-{step:06d}"

    def remove_others(self, step: int) -> None:
        """Remove the weights of all other steps, once no engine reads them any more."""
        for folder in self.folder.glob("step-*"):
            if folder != self.place(step):
                shutil.rmtree(folder, ignore_errors=True)
