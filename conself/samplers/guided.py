"""Observations, then programs: the sampling stage of Algorithm 1, with any engine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conself.engines.decoding import Decoding, sample_seed
from conself.engines.engine import Ask, Complete, Demand, Reply
from conself.prompts.prompts import PromptStyle, observation_messages, opening_of, program_ask
from conself.records import Candidate, Problem
from conself.samplers.code_blocks import extract_code
from conself.samplers.observations import parse_observations
from conself.samplers.sampler import Sampler


@dataclass(frozen=True)
class Plan:
    """The numbers of observations and programs, the prompts, the seed, and how to draw."""

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
    """Draws observations first, then programs guided by each (docs/method.md#candidates).

    ``max_new_tokens`` bounds a program, ``max_observation_tokens`` the list of observations. ``seed`` and the problem's
    id determine every draw, independent of other draws.

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
        self.plan()  # wrong settings are reported before any work

    @property
    def demand(self) -> Demand:
        """Draw all programs of a problem at once."""
        longest = max(self.max_new_tokens, self.max_observation_tokens)
        return Demand(self.n_observations * self.programs_per_observation, longest)

    def __call__(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        """Draw the K candidates of each problem: :func:`guided_candidates`."""
        return guided_candidates(problems, self.plan(), complete)

    def plan(self) -> Plan:
        """Return the plan for each problem."""
        common = (self.entropy_top_k, self.prompts.stop)
        observing = Decoding(self.observation_temperature, self.observation_top_p, self.max_observation_tokens, *common)
        programming = Decoding(self.program_temperature, self.program_top_p, self.max_new_tokens, *common)
        return Plan(self.n_observations, self.programs_per_observation, observing, programming, self.seed, self.prompts)


def guided_candidates(problems: Sequence[Problem], plan: Plan, complete: Complete) -> Iterator[list[Candidate]]:
    """Yield K = n_observations * programs_per_observation candidates per problem, in order, as soon as they are drawn.

    Candidate o * programs_per_observation + k is program k of observation o. If the model gives too few observations,
    twice, the direct prompt replaces the missing ones (``observation`` None).
    """
    observed = observe(problems, plan, complete)
    each = plan.programs_per_observation
    asks = [
        Ask(
            program_ask(plan.prompts, problem, hint),
            tuple(sample_seed(plan.seed, "sample", problem.id, place * each + k) for k in range(each)),
            problem.id,
        )
        for problem, observations in zip(problems, observed, strict=True)
        for place, hint in enumerate(observations.hints)
    ]
    replies = iter(complete(asks, plan.programming))
    for problem, observations in zip(problems, observed, strict=True):
        opening = opening_of(plan.prompts, problem)
        yield [
            candidate(problem, place * each + k, hint, reply, plan.programming, observations.asks, opening)
            for place, hint in enumerate(observations.hints)
            for k, reply in enumerate(next(replies))
        ]


@dataclass(frozen=True)
class Observed:
    """``n_observations`` hints on a problem, None for each one missing after ``asks`` (1 or 2) questions."""

    hints: tuple[str | None, ...]
    asks: int


def observe(problems: Sequence[Problem], plan: Plan, complete: Complete) -> list[Observed]:
    """Draw the observations on each problem; if there are too few it is asked again, and the longer list is used."""
    listed: dict[str, list[str]] = {problem.id: [] for problem in problems}
    n_asks = dict.fromkeys(listed, 0)
    for attempt in range(2):
        short = [problem for problem in problems if len(listed[problem.id]) < plan.n_observations]
        asks = [
            Ask(
                observation_messages(plan.prompts, problem, plan.n_observations),
                (sample_seed(plan.seed, "observe", problem.id, attempt),),
            )
            for problem in short
        ]
        for problem, (reply,) in zip(short, complete(asks, plan.observing) if asks else [], strict=True):
            listed[problem.id] = max(listed[problem.id], parse_observations(reply.text, plan.n_observations), key=len)
            n_asks[problem.id] += 1
    missing = {name: (None,) * (plan.n_observations - len(hints)) for name, hints in listed.items()}
    return [Observed((*listed[p.id], *missing[p.id]), n_asks[p.id]) for p in problems]


def candidate(
    problem: Problem,
    index: int,
    observation: str | None,
    reply: Reply,
    decoding: Decoding,
    asks: int = 0,
    opening: str = "",
) -> Candidate:
    """Convert one reply to a candidate.

    ``asks`` counts the questions for observations on the problem. ``opening`` is the beginning of the answer if the
    prompt had it already; the candidate's text is the whole answer, its likelihood and length those of the reply.
    """
    text = opening + reply.text
    return Candidate(
        problem_id=problem.id,
        index=index,
        observation=observation,
        text=text,
        code=extract_code(text, problem.entry_point),
        finish_reason=reply.finish_reason,
        mean_nll=reply.mean_nll,
        mean_token_entropy=reply.mean_token_entropy,
        entropy_top_k=None if reply.mean_token_entropy is None else decoding.entropy_top_k,
        n_tokens=reply.n_tokens,
        observation_asks=asks,
    )


def observation_figures(candidates: Sequence[Candidate]) -> dict[str, int]:
    """Count missing observations, for the summary of sampling.

    ``asked_again``: problems that were asked twice; ``problems_without``: problems without any observation; ``direct``:
    candidates drawn by the direct prompt instead. Candidates of samplers without observations are not counted.
    """
    guided = [c for c in candidates if c.observation_asks > 0]
    with_any = {c.problem_id for c in guided if c.observation is not None}
    return {
        "asked_again": len({c.problem_id for c in guided if c.observation_asks > 1}),
        "problems_without": len({c.problem_id for c in guided} - with_any),
        "direct": sum(c.observation is None for c in guided),
    }
