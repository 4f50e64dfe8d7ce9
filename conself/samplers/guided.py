"""Observations, then programs: the flow of Algorithm 1's sampling stage, over any way of completing chats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conself.engines.decoding import Decoding, sample_seed
from conself.engines.engine import Ask, Complete, Demand, Reply
from conself.prompts.prompts import PromptStyle, observation_messages, program_messages
from conself.records import Candidate, Problem
from conself.samplers.code_blocks import extract_code
from conself.samplers.observations import parse_observations
from conself.samplers.sampler import Sampler


@dataclass(frozen=True)
class Plan:
    """How many observations and programs, under which prompts and seed, drawn how."""

    n_observations: int
    programs_per_observation: int
    observing: Decoding
    programming: Decoding
    seed: int
    prompts: PromptStyle

    def __post_init__(self) -> None:
        if self.n_observations < 1 or self.programs_per_observation < 1:
            raise ValueError(
                "n_observations and programs_per_observation must be at least 1, "
                f"got {self.n_observations} and {self.programs_per_observation}"
            )


@dataclass(frozen=True)
class Guided(Sampler):
    """Observations first, then programs guided by each (docs/method.md#candidates).

    ``max_new_tokens`` bounds a program, ``max_observation_tokens`` the list of observations. ``seed`` and the
    problem's id fix every draw, whatever else is sampled beside it.

    Raises:
        ValueError: a setting out of range.
    """

    n_observations: int
    programs_per_observation: int
    observation_temperature: float
    observation_top_p: float
    program_temperature: float
    program_top_p: float
    max_new_tokens: int
    max_observation_tokens: int
    entropy_top_k: int
    seed: int
    prompts: PromptStyle

    def __post_init__(self) -> None:
        self.plan()  # wrong settings are told before any work

    @property
    def demand(self) -> Demand:
        """All programs of a problem at once."""
        longest = max(self.max_new_tokens, self.max_observation_tokens)
        return Demand(self.n_observations * self.programs_per_observation, longest)

    def __call__(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        """The K candidates of each problem: :func:`guided_candidates`."""
        return guided_candidates(problems, self.plan(), complete)

    def plan(self) -> Plan:
        """What is drawn of each problem, and how."""
        common = (self.entropy_top_k, self.prompts.stop)
        observing = Decoding(self.observation_temperature, self.observation_top_p, self.max_observation_tokens, *common)
        programming = Decoding(self.program_temperature, self.program_top_p, self.max_new_tokens, *common)
        return Plan(self.n_observations, self.programs_per_observation, observing, programming, self.seed, self.prompts)


def guided_candidates(problems: Sequence[Problem], plan: Plan, complete: Complete) -> Iterator[list[Candidate]]:
    """K = n_observations * programs_per_observation candidates per problem, in order, each problem's as they are there.

    Candidate o * programs_per_observation + k is program k of observation o. Where the model gives fewer
    observations than asked, twice, the direct prompt stands in for the missing ones (``observation`` None).
    """
    observed = observe(problems, plan, complete)
    each = plan.programs_per_observation
    asks = [
        Ask(
            program_messages(plan.prompts, problem, hint),
            tuple(sample_seed(plan.seed, "sample", problem.id, place * each + k) for k in range(each)),
            problem.id,
        )
        for problem, seen in zip(problems, observed, strict=True)
        for place, hint in enumerate(seen.hints)
    ]
    replies = iter(complete(asks, plan.programming))
    for problem, seen in zip(problems, observed, strict=True):
        yield [
            candidate(problem, place * each + k, hint, reply, plan.programming, seen.asks)
            for place, hint in enumerate(seen.hints)
            for k, reply in enumerate(next(replies))
        ]


@dataclass(frozen=True)
class Observed:
    """``n_observations`` hints on a problem, None for each one still missing after ``asks`` (1 or 2) questions."""

    hints: tuple[str | None, ...]
    asks: int


def observe(problems: Sequence[Problem], plan: Plan, complete: Complete) -> list[Observed]:
    """The observations on each problem; one that gets too few is asked about again, and the fuller answer counts."""
    found: dict[str, list[str]] = {problem.id: [] for problem in problems}
    asked = dict.fromkeys(found, 0)
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
            asked[problem.id] += 1
    missing = {name: (None,) * (plan.n_observations - len(hints)) for name, hints in found.items()}
    return [Observed((*found[p.id], *missing[p.id]), asked[p.id]) for p in problems]


def candidate(
    problem: Problem, index: int, observation: str | None, reply: Reply, drawn: Decoding, asks: int = 0
) -> Candidate:
    """The record of one reply; ``asks`` is how often the model was asked for observations on the problem."""
    return Candidate(
        problem_id=problem.id,
        index=index,
        observation=observation,
        text=reply.text,
        code=extract_code(reply.text, problem.entry_point),
        finish_reason=reply.finish_reason,
        mean_nll=reply.mean_nll,
        mean_token_entropy=reply.mean_token_entropy,
        entropy_top_k=None if reply.mean_token_entropy is None else drawn.entropy_top_k,
        n_tokens=reply.n_tokens,
        observation_asks=asks,
    )


def observation_figures(candidates: Sequence[Candidate]) -> dict[str, int]:
    """How often observations fell short, for the summary of sampling.

    ``asked_again``: problems that were asked about twice; ``problems_without``: problems on which no observation was
    found at all; ``direct``: candidates that the direct prompt filled in. Candidates that were never to have an
    observation do not count.
    """
    guided = [c for c in candidates if c.observation_asks > 0]
    with_any = {c.problem_id for c in guided if c.observation is not None}
    return {
        "asked_again": len({c.problem_id for c in guided if c.observation_asks > 1}),
        "problems_without": len({c.problem_id for c in guided} - with_any),
        "direct": sum(c.observation is None for c in guided),
    }
