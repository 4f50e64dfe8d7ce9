"""Choose the problems of a step, and take the step."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conself.online.diagnostics import Row, Winners, behaviour_figures, response_figures, share_like, winners_of
from conself.online.roles import Roles
from conself.online.settings import Method
from conself.records import Problem
from conself.store.artifacts import write_whole
from conself.store.curves import HELD_OUT
from conself.training.data import place_in_epoch

if TYPE_CHECKING:
    from conself.online.groups import Group
    from conself.training.learner import Learner

FIRST_WINNERS = "first_winners.json"
LACKS = ("missing_modules", "recursion_errors", "cut_outputs", "unreadable", "long_iterators")
"""Counts of what a step's executions lacked, named as in :class:`conself.sandbox.Summary`; rows omit zeros."""


def problems_of(step: int, problems: Sequence[Problem], size: int, seed: int) -> list[Problem]:
    """Return the problems of a step, counted from 0: ``size`` of them, or the rest of the epoch.

    Each epoch has every problem once, in the order of SHA-256 of (seed, epoch, problem id).
    """
    epoch, place = divmod(step, math.ceil(len(problems) / size))
    order = sorted(problems, key=lambda problem: place_in_epoch(seed, epoch, problem.id))
    return order[place * size : (place + 1) * size]


def split(problems: Sequence[Problem], held_out: int, seed: int) -> tuple[list[Problem], list[Problem]]:
    """Return the problems to train on, and ``held_out`` others, chosen by SHA-256 of (seed, problem id).

    Raises:
        ValueError: no problem is left to train on.
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
    """Take the steps of a training run; ``roles`` sample, run and reward, and their clock times this process.

    A file in ``folder``, that of the checkpoints, keeps how the first probe's winners behave.
    """

    method: Method
    roles: Roles
    learner: Learner
    trained: Sequence[Problem]
    held_out: Sequence[Problem]
    folder: Path

    def take(self, step: int, before: Row | None) -> Row:
        """Take one step: sample, run, reward and learn; return the figures of the rollouts and of the update.

        ``before`` is the previous step's row. Where no group gives an example, nothing is learned, and the row has
        ``skipped`` in place of the update's figures.
        """
        loop = self.method.loop
        chosen = problems_of(step, self.trained, loop.problems, self.method.seed)
        batch = self.roles(step, step / loop.steps, chosen, before)
        tokens = sum(len(response.tokens) for example in batch.examples for response in example.responses)
        row = {**batch.row, "trained_tokens": float(tokens)}
        row |= {name: float(count) for name in LACKS if (count := getattr(batch.lacked, name))}
        with self.roles.coder.clock.timed("learn"):
            return row | (self.learner.step(batch.examples) if batch.examples else {"skipped": 1.0})

    def probe(self, step: int) -> Row:
        """Return figures of the held-out problems before a step; all probes sample with the same seeds."""
        groups, _ = self.roles.coder.tried(step, self.held_out, "probe")
        figures = behaviour_figures(groups)
        figures["like_first"] = share_like(groups, self._first(groups))
        figures["sampled_tokens"] = response_figures(groups)["sampled_tokens"]
        return {f"{HELD_OUT}{name}": value for name, value in figures.items()}

    def _first(self, groups: Sequence[Group]) -> Winners:
        """Return the winners of the first probe, which are those of ``groups`` if there is none before."""
        path = self.folder / FIRST_WINNERS
        if not path.is_file():
            self.folder.mkdir(exist_ok=True)
            text = json.dumps(winners_of(groups))
            write_whole(path, lambda temporary: temporary.write_text(text))
        return {name: tuple(keys) for name, keys in json.loads(path.read_text()).items()}
