"""Observations, then programs: the flow of Algorithm 1's sampling stage, over any way of completing chats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conself.prompts import Message, Prompts, extract_code, observation_messages, parse_observations, program_messages
from conself.records import Candidate, Problem
from conself.samplers.decoding import Decoding, sample_seed


@dataclass(frozen=True)
class Ask:
    """A chat to complete, once per seed."""

    messages: list[Message]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Reply:
    """A completed turn. The means are in nats per token, end of turn included; None where the model hides them."""

    text: str
    finish_reason: str
    mean_nll: float | None
    mean_token_entropy: float | None
    n_tokens: int


# Asks and how to draw -> one reply per seed, in order.
Complete = Callable[[Sequence[Ask], Decoding], list[list[Reply]]]


@dataclass(frozen=True)
class Plan:
    """How many observations and programs, under which prompts and seed, drawn how."""

    n_observations: int
    programs_per_observation: int
    observing: Decoding
    programming: Decoding
    seed: int
    prompts: Prompts

    def __post_init__(self) -> None:
        if self.n_observations < 1 or self.programs_per_observation < 1:
            raise ValueError(
                "n_observations and programs_per_observation must be at least 1, "
                f"got {self.n_observations} and {self.programs_per_observation}"
            )


def guided_candidates(problems: Sequence[Problem], plan: Plan, complete: Complete) -> list[list[Candidate]]:
    """K = n_observations * programs_per_observation candidates per problem, in order.

    Candidate o * programs_per_observation + k is program k of observation o. Where the model gives fewer
    observations than asked, twice, the direct prompt stands in for the missing ones (``observation`` None).
    """
    observations = observe(problems, plan, complete)
    each = plan.programs_per_observation
    asks = [
        Ask(
            program_messages(plan.prompts, problem, hint),
            tuple(sample_seed(plan.seed, "sample", problem.id, place * each + k) for k in range(each)),
        )
        for problem, hints in zip(problems, observations, strict=True)
        for place, hint in enumerate(hints)
    ]
    replies = iter(complete(asks, plan.programming))
    return [
        [
            candidate(problem, place * each + k, hint, reply, plan.programming)
            for place, hint in enumerate(hints)
            for k, reply in enumerate(next(replies))
        ]
        for problem, hints in zip(problems, observations, strict=True)
    ]


def observe(problems: Sequence[Problem], plan: Plan, complete: Complete) -> list[list[str | None]]:
    """``n_observations`` per problem, None for each one still missing after asking twice; the fuller answer counts."""
    found: dict[str, list[str]] = {problem.id: [] for problem in problems}
    for attempt in range(2):
        short = [problem for problem in problems if len(found[problem.id]) < plan.n_observations]
        asks = [
            Ask(
                observation_messages(plan.prompts, problem, plan.n_observations),
                (sample_seed(plan.seed, "observe", problem.id, attempt),),
            )
            for problem in short
        ]
        for problem, (reply,) in zip(short, complete(asks, plan.observing) if asks else [], strict=True):
            found[problem.id] = max(found[problem.id], parse_observations(reply.text, plan.n_observations), key=len)
    return [[*found[p.id], *[None] * (plan.n_observations - len(found[p.id]))] for p in problems]


def candidate(problem: Problem, index: int, observation: str | None, reply: Reply, drawn: Decoding) -> Candidate:
    """The record of one reply."""
    return Candidate(
        problem_id=problem.id,
        index=index,
        observation=observation,
        text=reply.text,
        code=extract_code(reply.text),
        finish_reason=reply.finish_reason,
        mean_nll=reply.mean_nll,
        mean_token_entropy=reply.mean_token_entropy,
        entropy_top_k=None if reply.mean_token_entropy is None else drawn.entropy_top_k,
        n_tokens=reply.n_tokens,
    )
