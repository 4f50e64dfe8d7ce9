"""Which problems a step is about, and what it does with them."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conself.online.diagnostics import Row, behaviour_figures, response_figures
from conself.online.groups import Group
from conself.online.rollouts import Prompts, draw
from conself.online.settings import Method
from conself.online.sources import Source
from conself.records import Problem
from conself.sandbox import Summary
from conself.store.curves import HELD_OUT
from conself.training.data import place_in_epoch

if TYPE_CHECKING:
    from conself.training.learner import Learner

LACKS = ("missing_modules", "recursion_errors", "cut_outputs", "unreadable", "long_iterators")
"""What executions of a step may lack, by the names of :class:`conself.sandbox.Summary`; rows have what is not 0."""


def problems_of(step: int, problems: Sequence[Problem], size: int, seed: int) -> list[Problem]:
    """The problems of a step, counted from 0: ``size`` of them, or what is left of the epoch.

    Each epoch has them once, in the order of SHA-256 of (seed, epoch, problem id).
    """
    epoch, place = divmod(step, math.ceil(len(problems) / size))
    order = sorted(problems, key=lambda problem: place_in_epoch(seed, epoch, problem.id))
    return order[place * size : (place + 1) * size]


def split(problems: Sequence[Problem], held_out: int, seed: int) -> tuple[list[Problem], list[Problem]]:
    """The problems to train on, and ``held_out`` others, chosen by SHA-256 of (seed, problem id).

    Raises:
        ValueError: none is left to train on.
    """
    if held_out >= len(problems):
        raise ValueError(
            f"guard.held_out={held_out} leaves nothing to train on of {len(problems)} problems; lower it, or take more"
        )
    order = sorted(problems, key=lambda p: hashlib.sha256(json.dumps(["held out", seed, p.id]).encode()).digest())
    chosen = {problem.id for problem in order[:held_out]}
    return [p for p in problems if p.id not in chosen], [p for p in problems if p.id in chosen]


@dataclass(frozen=True)
class Stepper:
    """Takes the steps of a training; ``seconds`` counts what this process spent on drawing, running and learning."""

    method: Method
    source: Source
    learner: Learner
    prompts: Prompts
    trained: Sequence[Problem]
    held_out: Sequence[Problem]
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def take(self, step: int) -> Row:
        """One step: draw, run, reward and learn; the figures of the rollouts, and those of the update.

        Where no group says anything, nothing is learned, and the row has ``skipped`` in place of the latter.
        """
        loop, seed = self.method.loop, self.method.seed
        chosen = problems_of(step, self.trained, loop.problems, seed)
        groups, ran = self._groups(step, chosen, f"rollout/{step}")
        examples = [example for group in groups if (example := group.example(loop.scale_advantages)) is not None]
        tokens = sum(len(response.tokens) for example in examples for response in example.responses)
        row = {**response_figures(groups), **behaviour_figures(groups), "trained_tokens": float(tokens)}
        row |= {name: float(count) for name in LACKS if (count := getattr(ran, name))}
        with self._timed("learn"):
            return row | (self.learner.step(examples) if examples else {"skipped": 1.0})

    def probe(self, step: int) -> Row:
        """What the policy does on the held-out problems before a step; each probe draws with the same seeds."""
        groups, _ = self._groups(step, self.held_out, "probe")
        found = behaviour_figures(groups)
        found["sampled_tokens"] = response_figures(groups)["sampled_tokens"]
        return {f"{HELD_OUT}{name}": value for name, value in found.items()}

    def _groups(self, step: int, problems: Sequence[Problem], purpose: str) -> tuple[list[Group], Summary]:
        how, seed = self.method.rollouts, self.method.seed
        with self._timed("draw"):
            drawn = draw(self.source, step, problems, self.prompts, how, seed, purpose)
        with self._timed("run"):
            return self.method.grading(problems, drawn, step / self.method.loop.steps)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - began
