"""Prompts whose answers end at a mark; a module of its own, for a job that is refused imports no torch."""

from dataclasses import dataclass
from typing import ClassVar

from conself.prompts.prompts import Prompts

STOP = "§"


@dataclass(frozen=True)
class Stopping(Prompts):
    """Answers end where the model has said something: all that it can say ends so, and few responses are cut."""

    stop: ClassVar[tuple[str, ...]] = (STOP,)
