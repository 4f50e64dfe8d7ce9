"""Candidates from vLLM: the same prompts, seeds and definitions as any sampler, at the speed of its engine."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from conself.prompts import Prompts
from conself.records import Candidate, ModelRef, Problem
from conself.samplers.decoding import Decoding
from conself.samplers.direct import check_answers, direct_candidates
from conself.samplers.guided import Complete, Plan, guided_candidates
from conself.samplers.vllm_engine import engine_for
from conself.samplers.vllm_start import Runtime
from conself.samplers.vllm_stream import stream


@dataclass(frozen=True)
class VllmSampler:
    """Observations first, then programs guided by each (METHOD, "K candidates").

    ``max_new_tokens`` bounds a program, ``max_observation_tokens`` the list of observations. ``seed`` and the
    problem's id seed every draw. What is drawn beside it can move a logit's last bits, and with them, rarely, a token.
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
    prompts: Prompts
    runtime: Runtime

    def __call__(self, problems: Iterable[Problem], model: ModelRef) -> Iterator[list[Candidate]]:
        """The K candidates of each problem, in the order of the problems; ``Candidate.n_tokens`` counts all tokens.

        Raises:
            OSError: vLLM, the model or its adapter is missing.
            ValueError: a setting out of range, or a model that vLLM cannot serve; with the remedy.
        """
        observing = Decoding(
            self.observation_temperature, self.observation_top_p, self.max_observation_tokens, self.entropy_top_k
        )
        programming = Decoding(self.program_temperature, self.program_top_p, self.max_new_tokens, self.entropy_top_k)
        each = self.programs_per_observation
        plan = Plan(self.n_observations, each, observing, programming, self.seed, self.prompts)

        def flow(problem: Problem, complete: Complete) -> list[Candidate]:
            return guided_candidates([problem], plan, complete)[0]

        yield from stream(problems, flow, engine_for(model, self.runtime), self.n_observations * each)


@dataclass(frozen=True)
class VllmDecoder:
    """``n`` completions of the direct prompt: how benchmarks are answered. Temperature 0 with n = 1 is greedy.

    Raises:
        ValueError: n below 1, or several completions at temperature 0, which would all be the same.
    """

    n: int
    temperature: float
    top_p: float
    max_new_tokens: int
    entropy_top_k: int
    seed: int
    prompts: Prompts
    runtime: Runtime

    loads_model: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_answers(self.n, self.temperature)

    def __call__(self, problems: Iterable[Problem], model: ModelRef) -> Iterator[list[Candidate]]:
        """``n`` candidates per problem, in the order of the problems; raises as the sampler does."""
        settings = Decoding(self.temperature, self.top_p, self.max_new_tokens, self.entropy_top_k)

        def flow(problem: Problem, complete: Complete) -> list[Candidate]:
            return direct_candidates([problem], self.n, self.seed, self.prompts, settings, complete)[0]

        yield from stream(problems, flow, engine_for(model, self.runtime), self.n)
