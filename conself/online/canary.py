"""A canary: does an engine sample with the weights in training? Its log-probs of a greedy completion show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from conself.engines.decoding import Decoding
from conself.engines.engine import Engine
from conself.records import ModelRef

if TYPE_CHECKING:
    from conself.engines.transformers.ledger import Completion, Request

GREEDY = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=32, entropy_top_k=1)
"""How the learner and the engine complete the canary's prompt."""
_TOLERANCE = {"float32": 1e-3}
_ELSE = 5e-2
"""Largest mean difference in nats of tokens' log-probs between engine and learner, by dtype.

The mean, because 16 bits round coarsely: of a 0.5B in bfloat16, vLLM and transformers differ by .007 on average, and by
more than .05 at one token in 25 (`tests/engines/vllm/test_real_model.py`).
"""
_REMEDY = "leave out engine@rollouts.engine and rollouts.runtime.workers: then the learner itself draws"


@dataclass(frozen=True)
class Canary:
    """A prompt, and the learner's completion of it (``ours``) with the weights after ``step`` steps."""

    step: int
    prompt: Request
    ours: Completion


@dataclass
class Listener:
    """Check one engine before it samples with new weights.

    Its log-probs must match the learner's, and must have changed since the last check if the learner's have. Otherwise
    an engine that keeps using an old adapter, or none, would yield plausible rewards while the model learns nothing.
    """

    checked: ModelRef | None = None
    heard: tuple[list[float], list[float]] | None = None

    def __call__(self, engine: Engine, model: ModelRef, canary: Canary) -> None:
        """Check that the engine samples with ``model``, the weights of the canary's step; once for each.

        Raises:
            ValueError: it samples with others.
        """
        if model == self.checked:
            return
        ((theirs,),) = engine.tokens([canary.prompt], GREEDY, model)
        mine, its = _alike(canary.ours, theirs)
        off = sum(abs(one - other) for one, other in zip(mine, its, strict=True)) / len(mine)
        who = f"{type(engine).__name__} draws by other weights than those that are trained at step {canary.step}"
        if off > _TOLERANCE.get(model.dtype, _ELSE):
            raise ValueError(f"{who}: log-probs differ by {off:.3g} nats on average; {_REMEDY}")
        if self.heard is not None and self.heard[0] != mine and self.heard[1] == its:
            raise ValueError(f"{who}: it has not changed since the last one; {_REMEDY}")
        self.checked, self.heard = model, (mine, its)


def _alike(one: Completion, other: Completion) -> tuple[list[float], list[float]]:
    """Return the comparable log-probs of both completions: up to and including the first token that differs.

    At that token the two likeliest tokens are nearly equally likely, or the models differ.
    """
    pairs = zip(one.token_ids.tolist(), other.token_ids.tolist(), strict=False)
    count = next((place for place, (a, b) in enumerate(pairs, start=1) if a != b), None)
    size = min(len(one.token_ids), len(other.token_ids)) if count is None else count
    first, second = (each.token_logprobs[:size].tolist() for each in (one, other))
    return first, second
