"""Rollouts: responses as tokens, with the log-probs at sampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from conself.engines.decoding import Decoding, sample_seed
from conself.engines.engine import Engine
from conself.engines.stop_strings import StopStrings, text_of
from conself.models.transformers import load_tokenizer, stop_token_ids_of
from conself.prompts.prompts import Message, PromptStyle, opening_of, program_ask, render
from conself.prompts.turns import encode_prompt
from conself.records import Candidate, ModelRef, Problem
from conself.samplers.code_blocks import extract_code

if TYPE_CHECKING:
    from conself.engines.transformers.ledger import Completion
    from conself.online.sources import Source

SOLVER, TESTER = "solver", "tester"
"""The roles: the solver answers a problem with a program, the tester writes tests for it."""
Ask = Callable[[Problem], list[Message]]
"""Returns the chat messages that present a problem to a role."""
CUT = "length"
"""The ``finish_reason`` of a response that reached a limit of tokens."""
_ACKNOWLEDGED = "acknowledged"
_TRUNCATIONS = ("refused", _ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Rollout:
    """A response to a problem, sampled for one training step.

    ``token_ids`` are the tokens as sampled, end of turn included, and ``logprobs`` their log-probs at sampling, in
    nats, at temperature 1 over the whole vocabulary. Text is never tokenised again: ``text`` is used only to extract
    the program. ``finish_reason`` is ``stop``, or ``length`` where a token limit cut the response.
    """

    problem_id: str
    role: str
    index: int
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: str
    text: str

    @property
    def is_cut(self) -> bool:
        """Return whether it reached a token limit: its reward is 0, and nothing is learned from its tokens."""
        return self.finish_reason == CUT


@dataclass(frozen=True)
class Runtime:
    """Settings of speed and memory only.

    ``batch_size`` is the maximum number of responses that the learner decodes together, or that a worker takes at once.
    ``workers`` is the number of the executor's workers that sample, each with an engine; None: this process samples.
    """

    batch_size: int
    workers: int | None

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"rollouts.runtime.batch_size must be at least 1, got {self.batch_size}")
        if self.workers is not None and self.workers < 1:
            raise ValueError(
                f"rollouts.runtime.workers must be at least 1, or null: the job's own process draws; got {self.workers}"
            )


@dataclass(frozen=True)
class Rollouts:
    """How responses are sampled for a step: ``n`` per problem, of up to ``max_new_tokens``, end of turn included.

    GRPO's ratio compares a token's current probability with its probability at sampling. With a temperature other
    than 1, or where unlikely tokens are excluded (``top_p``), the recorded log-probs are not those of the sampling
    distribution, and the ratio is biased: such settings need ``truncation: acknowledged``. ``engine`` samples instead
    of the learner (:mod:`conself.online.sources`); None: the learner samples.

    ``step_timeout`` is the time in seconds that workers have for the responses of a step, or of each role of it.
    Problems whose responses are not there by then leave the step. None: all are waited for.

    Raises:
        ValueError: a setting is out of range, or needs to be acknowledged; names its key.
    """

    n: int
    max_new_tokens: int
    temperature: float
    top_p: float
    truncation: str
    step_timeout: float | None
    engine: Engine | None
    runtime: Runtime

    def __post_init__(self) -> None:
        if self.n < 2:
            raise ValueError(f"rollouts.n must be at least 2, got {self.n}: a response is measured by its group")
        if self.truncation not in _TRUNCATIONS:
            raise ValueError(f"rollouts.truncation must be {' or '.join(_TRUNCATIONS)}, got {self.truncation!r}")
        self.decoding(())
        if self.temperature == 0:
            raise ValueError("rollouts.temperature must be above 0: greedy responses are all the same")
        if (self.temperature, self.top_p) != (1, 1) and self.truncation != _ACKNOWLEDGED:
            raise ValueError(
                f"rollouts.temperature is {self.temperature} and rollouts.top_p {self.top_p}: tokens would be drawn "
                "from another distribution than the one that is trained, and the loss's ratios would be biased; set "
                "both to 1, or rollouts.truncation=acknowledged"
            )
        self._check_workers()

    def decoding(self, stop: tuple[str, ...]) -> Decoding:
        """Return these settings for the engine; ``stop`` are the strings that end a response."""
        return Decoding(self.temperature, self.top_p, self.max_new_tokens, 1, stop)

    def _check_workers(self) -> None:
        workers, seconds = self.runtime.workers, self.step_timeout
        if workers is not None and self.engine is None:
            raise ValueError(
                f"rollouts.runtime.workers={workers} would draw by engines, and the learner itself draws; choose "
                "engine@rollouts.engine=transformers or vllm, or set rollouts.runtime.workers=null"
            )
        if seconds is not None and not 0 < seconds < math.inf:
            raise ValueError(f"rollouts.step_timeout must be above 0 seconds, or null: no limit; got {seconds}")
        if seconds is not None and workers is None:
            raise ValueError(
                f"rollouts.step_timeout={seconds} is a limit for workers, and the job's own process draws; set "
                "rollouts.runtime.workers, or rollouts.step_timeout=null"
            )


class Drawn(Protocol):
    """How many responses are sampled per prompt, and how; :class:`Rollouts` for programs."""

    @property
    def n(self) -> int:
        """Return the number of responses per prompt."""

    def decoding(self, stop: tuple[str, ...]) -> Decoding:
        """Return how a response is sampled; ``stop`` are the strings that end it."""


@dataclass(frozen=True)
class Prompts:
    """A role's prompt for each problem, as tokens by problem id.

    ``overlong`` names the problems whose prompts leave no room for a response; ``max_length`` bounds a prompt and its
    response together, in tokens. ``openings`` are the beginnings of the answers that the prompts end with.
    """

    role: str
    ids: dict[str, tuple[int, ...]]
    overlong: tuple[str, ...]
    stops: StopStrings
    stop_ids: tuple[int, ...]
    max_length: int
    openings: dict[str, str]

    @classmethod
    def of(cls, problems: Sequence[Problem], model: ModelRef, style: PromptStyle, max_length: int) -> Prompts:
        """Return the direct prompts of ``problems``, tokenised for ``model``; raises as :meth:`asked`."""
        asked = cls.asked(problems, model, SOLVER, lambda p: program_ask(style, p, None), style.stop, max_length)
        return replace(asked, openings={problem.id: opening_of(style, problem) for problem in problems})

    @classmethod
    def asked(
        cls,
        problems: Sequence[Problem],
        model: ModelRef,
        role: str,
        ask: Ask,
        stop: tuple[str, ...],
        max_length: int,
    ) -> Prompts:
        """Return a role's prompts by ``ask``, tokenised for ``model``; ``stop`` are the strings that end an answer.

        Raises:
            OSError: the model cannot be read.
            ValueError: it has no chat template, or no problem has room for a response.
        """
        tokenizer = load_tokenizer(model)
        ids = {p.id: tuple(encode_prompt(tokenizer, render(tokenizer, ask(p)))) for p in problems}
        overlong = tuple(name for name, prompt in ids.items() if not 0 < len(prompt) < max_length)
        if len(overlong) == len(ids):
            raise ValueError(
                f"none of {len(ids)} prompts has room for a response within {max_length} tokens; raise "
                "training.max_length, as far as the model's context goes"
            )
        kept = {name: prompt for name, prompt in ids.items() if name not in overlong}
        stop_ids = stop_token_ids_of(model, tokenizer)
        return cls(role, kept, overlong, StopStrings(tokenizer, stop), stop_ids, max_length, {})

    def rollout(self, problem_id: str, index: int, completion: Completion) -> Rollout:
        """Return a completion of the problem's prompt as a rollout."""
        tokens = tuple(completion.token_ids.tolist())
        prompt = self.ids[problem_id]
        fits = len(prompt) + len(tokens) <= self.max_length
        return Rollout(
            problem_id=problem_id,
            role=self.role,
            index=index,
            prompt_ids=prompt,
            token_ids=tokens,
            logprobs=tuple(completion.token_logprobs.tolist()),
            finish_reason=completion.finish_reason if fits else CUT,
            text=self.openings.get(problem_id, "") + text_of(tokens, self.stops, self.stop_ids),
        )


def draw(
    source: Source,
    step: int,
    problems: Sequence[Problem],
    prompts: Prompts,
    how: Drawn,
    seed: int,
    purpose: str,
    seconds: float | None,
) -> dict[str, list[Rollout]]:
    """Return ``how.n`` rollouts of each problem by its id, sampled with the weights after ``step`` steps.

    Problems that are late by a limit of ``seconds`` (None: there is none) are missing. The seed of each rollout depends
    only on (seed, purpose, problem id, index), whatever else is sampled.
    """
    from conself.engines.transformers.ledger import Request

    requests = [
        Request(prompts.ids[problem.id], tuple(sample_seed(seed, purpose, problem.id, k) for k in range(how.n)))
        for problem in problems
    ]
    completions = source(requests, how.decoding(prompts.stops.stop), step, seconds)
    return {
        problem.id: [prompts.rollout(problem.id, index, completion) for index, completion in enumerate(group)]
        for problem, group in zip(problems, completions, strict=True)
        if group is not None
    }


def candidate_of(problem: Problem, rollout: Rollout) -> Candidate:
    """Return the rollout as a candidate, for running and comparing programs."""
    count = len(rollout.token_ids)
    return Candidate(
        problem_id=rollout.problem_id,
        index=rollout.index,
        observation=None,
        text=rollout.text,
        code=extract_code(rollout.text, problem.entry_point),
        finish_reason=rollout.finish_reason,
        mean_nll=-sum(rollout.logprobs) / count if count else None,
        mean_token_entropy=None,
        entropy_top_k=None,
        n_tokens=count,
    )
