"""The roles of a step: they sample rollouts, run and reward them, and return training examples."""

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
    """The rollouts of a step: their training examples, their figures, and the execution summary."""

    examples: list[Example]
    row: Row
    lacked: Summary


class Roles(Protocol):
    """Sample the rollouts of a step, run and reward them."""

    def __call__(self, step: int, progress: float, problems: Sequence[Problem], before: Row | None) -> Batch:
        """Return the batch of a step on ``problems``; ``before`` is the previous step's row, None for the first step.

        ``progress`` is the share of the training run's steps taken so far, in [0, 1).
        """
        ...

    @property
    def coder(self) -> Coder:
        """Return the role that answers with programs, the only one that probes measure."""
        ...


@dataclass(frozen=True)
class Clock:
    """The time that this process spent in each phase: ``seconds`` by name."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Add the time of the block to the phase ``what``."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - began


@dataclass(frozen=True)
class Coder:
    """The only role of most training runs: programs, rewarded for their agreement.

    ``step_timeout`` is the time in seconds that the rollouts of a step have; None: all are waited for.
    """

    grading: Grading
    source: Source
    prompts: Prompts
    how: Drawn
    seed: int
    scale_advantages: bool
    step_timeout: float | None
    clock: Clock

    @property
    def coder(self) -> Coder:
        """Return itself."""
        return self

    def draw(
        self, step: int, problems: Sequence[Problem], purpose: str, seconds: float | None = None
    ) -> dict[str, list[Rollout]]:
        """Sample programs with the weights after ``step`` steps; the seeds depend on ``purpose``."""
        with self.clock.timed("draw"):
            return draw(self.source, step, problems, self.prompts, self.how, self.seed, purpose, seconds)

    def tried(
        self, step: int, problems: Sequence[Problem], purpose: str, seconds: float | None = None
    ) -> tuple[list[Group], Summary]:
        """Return the groups of the problems, sampled and run but not rewarded, and the execution summary.

        Problems that are late by a limit of ``seconds`` have no group; without a limit all have one.
        """
        rollouts = self.draw(step, problems, purpose, seconds)
        there = [problem for problem in problems if problem.id in rollouts]
        with self.clock.timed("run"):
            return self.grading.tried(there, [rollouts[problem.id] for problem in there])

    def __call__(self, step: int, progress: float, problems: Sequence[Problem], before: Row | None) -> Batch:  # noqa: ARG002
        """Return the batch of the groups, rewarded without tests."""
        tried, lacked = self.tried(step, problems, rollouts_of(step), self.step_timeout)
        with self.clock.timed("run"):
            groups = [self.grading.rewarded(group, None, progress) for group in tried]
        return Batch(examples_of(groups, self.scale_advantages), figures_of(groups, len(problems)), lacked)


def rollouts_of(step: int) -> str:
    """Return the purpose of a step's programs, on which their seeds depend."""
    return f"rollout/{step}"


def figures_of(groups: Sequence[Group], asked: int) -> Row:
    """Return the figures of the programs; ``late`` is how many of the ``asked`` problems have no group, if any.

    Without a group there are no others than the number of tokens, which is 0.
    """
    row: Row = {"late": float(asked - len(groups))} if len(groups) < asked else {}
    if not groups:
        return {**row, "sampled_tokens": 0.0}
    return {**row, **response_figures(groups), **behaviour_figures(groups)}


class Learned(Protocol):
    """Rollouts that may give a training example."""

    def example(self, scale: bool) -> Example | None:
        """Return their training example, or None where nothing is to be learned."""


def examples_of(groups: Sequence[Learned], scale: bool) -> list[Example]:
    """Return the training examples of the groups that have one."""
    return [example for group in groups if (example := group.example(scale)) is not None]


def total(rows: Sequence[Mapping[str, float]], name: str) -> float:
    """Return the sum of a figure over the rows that have it."""
    return sum(row.get(name, 0.0) for row in rows)
