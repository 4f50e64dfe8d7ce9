"""Sources of rollouts: the learner itself, or an engine that loads its current weights, here or in workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from conself.engines.decoding import Decoding
from conself.engines.engine import Engine
from conself.executors.executor import Executor
from conself.online.canary import Listener
from conself.online.workers import FromWorkers
from conself.online.worn import Worn
from conself.records import ModelRef

if TYPE_CHECKING:
    from conself.engines.transformers.ledger import Completion, Request
    from conself.online.rollouts import Prompts
    from conself.online.settings import Method
    from conself.training.learner import Learner


class Source(Protocol):
    """Samples completions with the weights in training."""

    def __call__(
        self, requests: Sequence[Request], how: Decoding, step: int, seconds: float | None
    ) -> Sequence[list[Completion] | None]:
        """Return the completions of each request, in order, with the weights after ``step`` steps.

        None stands for those that are not there ``seconds`` after sampling has begun; ``seconds`` None: all are waited
        for. Only workers have a limit (:class:`conself.online.rollouts.Rollouts` refuses one without them).
        """
        ...


@dataclass(frozen=True)
class FromLearner:
    """Sample from the learner, with the weights that it trains: nothing can be out of date."""

    learner: Learner
    model: ModelRef
    batch_size: int

    def __call__(
        self,
        requests: Sequence[Request],
        how: Decoding,
        step: int,  # noqa: ARG002
        seconds: float | None,  # noqa: ARG002
    ) -> list[list[Completion]]:
        """Return completions sampled by the learner."""
        return self.learner.draw(self.model, requests, how, self.batch_size)


@dataclass
class FromEngine:
    """Sample from an engine in this process; before it samples with new weights, a canary checks it.

    Raises:
        ValueError: the engine samples with other weights than those being trained.
    """

    engine: Engine
    worn: Worn
    listener: Listener = field(default_factory=Listener)

    def __call__(
        self,
        requests: Sequence[Request],
        how: Decoding,
        step: int,
        seconds: float | None,  # noqa: ARG002
    ) -> list[list[Completion]]:
        """Return completions by the engine with the weights of ``step``."""
        model, canary = self.worn.at(step)
        self.listener(self.engine, model, canary)
        self.worn.remove_others(step)
        return self.engine.tokens(requests, how, model)


def source_of(
    method: Method, model: ModelRef, learner: Learner, prompts: Prompts, folder: Path, executor: Executor | None
) -> Source:
    """Return the source of rollouts: the learner, or the configured engine, in this process or in workers.

    ``folder`` gets the weights that an engine loads, as long as they are needed; its canary uses the shortest prompt.

    Raises:
        ValueError: workers are asked for, and there is no executor.
    """
    how = method.rollouts
    engine, workers, batch_size = how.engine, how.runtime.workers, how.runtime.batch_size
    if engine is None:
        return FromLearner(learner, model, batch_size)
    from conself.engines.transformers.ledger import Request

    prompt = Request(min(prompts.ids.values(), key=lambda prompt: (len(prompt), prompt)), (0,))
    worn = Worn(learner, model, folder, method.training.tuning.folder, prompt)
    if workers is None:
        return FromEngine(engine, worn)
    if executor is None:
        raise ValueError(f"rollouts.runtime.workers={workers}, and no executor runs them; set it to null")
    return FromWorkers(engine, worn, executor, workers, batch_size)
