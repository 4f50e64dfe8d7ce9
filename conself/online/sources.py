"""Sources of rollouts: the learner itself, or an engine that loads the learner's current weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from conself.engines.decoding import Decoding
from conself.engines.engine import Engine
from conself.models.transformers import tuned_model
from conself.records import ModelRef

if TYPE_CHECKING:
    from conself.engines.transformers.ledger import Completion, Request
    from conself.training.learner import Learner

Source = Callable[[Sequence["Request"], Decoding, int], list[list["Completion"]]]
"""Prompts with seeds, how to sample, and the number of steps behind the weights -> completions, in order."""
_CANARY = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=16, entropy_top_k=1)
_TOLERANCE = {"float32": 1e-3}
_ELSE = 5e-2
"""Largest difference in nats of a token's log-prob between engine and learner, by dtype; 16 bits round coarsely."""


@dataclass(frozen=True)
class FromLearner:
    """Sample from the learner, with the weights that it trains: nothing can be out of date."""

    learner: Learner
    model: ModelRef
    batch_size: int

    def __call__(self, requests: Sequence[Request], how: Decoding, step: int) -> list[list[Completion]]:  # noqa: ARG002
        """Return completions sampled by the learner."""
        return self.learner.draw(self.model, requests, how, self.batch_size)


@dataclass
class FromEngine:
    """Sample from an engine. Each step's weights get a folder of their own, so that they can't be confused.

    A canary runs before anything is sampled: the engine's log-probs of a greedy completion must match the learner's,
    and must have changed since the last step if the learner's have. Otherwise an engine that keeps using an old
    adapter, or none, would yield plausible rewards while the model learns nothing.

    Raises:
        ValueError: the engine samples with other weights than those being trained.
    """

    engine: Engine
    learner: Learner
    model: ModelRef
    folder: Path
    tuning: str
    probe: Request
    worn: int | None = None
    heard: list[tuple[list[float], list[float]]] = field(default_factory=list)

    def __call__(self, requests: Sequence[Request], how: Decoding, step: int) -> list[list[Completion]]:
        """Return completions by the engine with the weights of ``step``."""
        if step != self.worn:
            self.learner.save(self._place(step) / self.tuning)
            self._listen(step)
            if self.worn is not None:
                shutil.rmtree(self._place(self.worn), ignore_errors=True)
            self.worn = step
        return self.engine.tokens(requests, how, self._wearing(step))

    def _listen(self, step: int) -> None:
        ((ours,),) = self.learner.draw(self.model, [self.probe], _CANARY, 1)
        ((theirs,),) = self.engine.tokens([self.probe], _CANARY, self._wearing(step))
        mine, its = _alike(ours, theirs)
        off = max(abs(one - other) for one, other in zip(mine, its, strict=True))
        if off > _TOLERANCE.get(self.model.dtype, _ELSE):
            raise ValueError(f"{self._who()} at step {step}: log-probs differ by {off:.3g} nats; {_REMEDY}")
        if self.heard and self.heard[-1][0] != mine and self.heard[-1][1] == its:
            raise ValueError(f"{self._who()} at step {step}: it has not changed since the last one; {_REMEDY}")
        self.heard = [(mine, its)]

    def _who(self) -> str:
        return f"{type(self.engine).__name__} draws by other weights than those that are trained"

    def _wearing(self, step: int) -> ModelRef:
        return tuned_model(self.model, self._place(step))

    def _place(self, step: int) -> Path:
        return self.folder / f"step-{step:06d}"


def _alike(one: Completion, other: Completion) -> tuple[list[float], list[float]]:
    """Return the comparable log-probs of both completions: up to and including the first token that differs.

    At that token the two likeliest tokens are nearly equally likely, or the models differ.
    """
    pairs = zip(one.token_ids.tolist(), other.token_ids.tolist(), strict=False)
    count = next((place for place, (a, b) in enumerate(pairs, start=1) if a != b), None)
    size = min(len(one.token_ids), len(other.token_ids)) if count is None else count
    first, second = (each.token_logprobs[:size].tolist() for each in (one, other))
    return first, second


_REMEDY = "leave out engine@rollouts.engine: then the learner itself draws"
