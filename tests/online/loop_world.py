"""Trainings on rollouts of the tiny model, which take a second."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lightning.pytorch.loggers import Logger
from rich.console import Console

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.executors.executor import Executor
from conself.guards.guard import Guard
from conself.guards.none import NoGuard
from conself.losses.grpo import GRPO
from conself.online.loop import Report, reinforce
from conself.online.rollouts import Rollouts, Runtime
from conself.online.settings import Loop, Method
from conself.records import ModelRef, Pool
from tests.online.online_world import WORDS, grading, problems
from tests.training.training_world import settings

LOSS = GRPO(clip_low=0.2, clip_high=0.28, dual_clip=3.0, beta=0.0, mean_over="tokens")


@dataclass(frozen=True)
class Says:
    """The share of words below ``limit`` in a response: what the tiny model, which writes no programs, can learn."""

    needs_tests: ClassVar[bool] = False

    limit: int

    def __call__(
        self,
        pool: Pool,
        agreement: Agreement,  # noqa: ARG002
        passing: PassingMatrix | None,  # noqa: ARG002
        progress: float,  # noqa: ARG002
    ) -> Sequence[float]:
        """A share for each response, of the words x3, x4, ...; 0 where it is empty."""
        texts = [[word for word in candidate.text.split() if word[0] == "x"] for candidate in pool.candidates]
        return [sum(int(word[1:]) < self.limit for word in words) / max(len(words), 1) for words in texts]


def method(steps: int, guard: Guard | None = None, snapshot_every: int | None = None, seed: int = 0) -> Method:
    """Two problems a step, eight responses to each, of up to twelve words."""
    how = Rollouts(
        n=8,
        max_new_tokens=12,
        temperature=1.0,
        top_p=1.0,
        truncation="refused",
        step_timeout=None,
        engine=None,
        runtime=Runtime(64, None),
    )
    loop = Loop(steps=steps, problems=2, scale_advantages=True, snapshot_every=snapshot_every)
    training = settings(learning_rate=2e-2, warmup_ratio=0.0)
    return Method(loop, how, grading(Says(33)), guard or NoGuard(0, 1), LOSS, training, seed)


def train(
    model: ModelRef, out: Path, chosen: Method, logger: Logger | None = None, executor: Executor | None = None
) -> Report:
    """One training on five problems."""
    out.mkdir(exist_ok=True)
    return reinforce(problems(5), model, WORDS, chosen, out, Console(quiet=True), logger, executor)
