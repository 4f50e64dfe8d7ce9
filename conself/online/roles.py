"""What a step gets to learn from: the rollouts of the roles that there are, run and rewarded."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from conself.online.diagnostics import Row, behaviour_figures, response_figures
from conself.online.groups import Grading, Group
from conself.online.rollouts import Drawn, Prompts, Rollout, draw
from conself.online.sources import Source
from conself.records import Problem
from conself.sandbox import Summary

if TYPE_CHECKING:
    from conself.training.data import Example


@dataclass(frozen=True)
class Batch:
    """The rollouts of a step: what is learned from them, their figures, and what executions lacked."""

    examples: list[Example]
    row: Row
    lacked: Summary


class Roles(Protocol):
    """Draws for a step, runs what was drawn, and rewards it."""

    def __call__(self, step: int, progress: float, problems: Sequence[Problem], before: Row | None) -> Batch:
        """What a step gets of its problems; ``before`` is the row of the step before, None for the first.

        ``progress`` is the share of the training's steps that have been taken, in [0, 1).
        """
        ...

    @property
    def coder(self) -> Coder:
        """Who answers with programs; probes are of it alone."""
        ...


@dataclass(frozen=True)
class Clock:
    """What this process spent on what, in ``seconds`` by name."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Count the time of the block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - began


@dataclass(frozen=True)
class Coder:
    """The one role of most trainings: programs, rewarded by what they agree on."""

    grading: Grading
    source: Source
    prompts: Prompts
    how: Drawn
    seed: int
    scale_advantages: bool
    clock: Clock

    @property
    def coder(self) -> Coder:
        """Itself."""
        return self

    def draw(self, step: int, problems: Sequence[Problem], purpose: str) -> list[list[Rollout]]:
        """Programs by the weights after ``step`` steps; their seeds hang on the purpose."""
        with self.clock.timed("draw"):
            return draw(self.source, step, problems, self.prompts, self.how, self.seed, purpose)

    def tried(self, step: int, problems: Sequence[Problem], purpose: str) -> tuple[list[Group], Summary]:
        """The groups of some problems, drawn and run, not rewarded; and what executions lacked."""
        drawn = self.draw(step, problems, purpose)
        with self.clock.timed("run"):
            return self.grading.tried(problems, drawn)

    def __call__(self, step: int, progress: float, problems: Sequence[Problem], before: Row | None) -> Batch:  # noqa: ARG002
        """The groups, rewarded without tests."""
        tried, lacked = self.tried(step, problems, rollouts_of(step))
        with self.clock.timed("run"):
            groups = [self.grading.rewarded(group, None, progress) for group in tried]
        return Batch(examples_of(groups, self.scale_advantages), figures_of(groups), lacked)


def rollouts_of(step: int) -> str:
    """The purpose of a step's programs, which their seeds hang on."""
    return f"rollout/{step}"


def figures_of(groups: Sequence[Group]) -> Row:
    """The figures of programs, of at least one group."""
    return {**response_figures(groups), **behaviour_figures(groups)}


class Learned(Protocol):
    """Rollouts that may say something."""

    def example(self, scale: bool) -> Example | None:
        """What is learned from them."""


def examples_of(groups: Sequence[Learned], scale: bool) -> list[Example]:
    """Those of the groups that say something."""
    return [example for group in groups if (example := group.example(scale)) is not None]


def total(rows: Sequence[Mapping[str, float]], name: str) -> float:
    """The sum of a figure over rows that have it."""
    return sum(row.get(name, 0.0) for row in rows)
