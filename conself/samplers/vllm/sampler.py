"""Candidates from vLLM: the same prompts, seeds and definitions as any sampler, at the speed of its engine."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from conself.records import Candidate, ModelRef, Problem
from conself.samplers.direct import DirectSettings, direct_candidates
from conself.samplers.guided import Complete, GuidedSettings, guided_candidates
from conself.samplers.vllm.start import Runtime, check_lora, check_served
from conself.samplers.vllm.stream import stream


@dataclass(frozen=True)
class VllmSampler(GuidedSettings):
    """Candidates at vLLM's speed. What is drawn beside one can move a logit's last bits, and so, rarely, a token.

    A prompt and its completion take at most ``max_model_len`` tokens (None: the model's context).
    """

    max_model_len: int | None
    runtime: Runtime

    loads_model: ClassVar[bool] = True
    modules: ClassVar[tuple[str, ...]] = ("conself.samplers.vllm.engine",)

    def check_model(self, model: ModelRef) -> None:
        """Refuse a model that vLLM is not given here; raises as :func:`check_served` does."""
        check_served(model)

    def __call__(self, problems: Iterable[Problem], model: ModelRef) -> Iterator[list[Candidate]]:
        """The K candidates of each problem, in the order of the problems; ``Candidate.n_tokens`` counts all tokens.

        Raises:
            OSError: vLLM, the model or its adapter is missing.
            ValueError: a model that vLLM cannot serve; with the remedy.
        """
        plan = self.plan()

        def flow(problem: Problem, complete: Complete) -> list[Candidate]:
            return next(guided_candidates([problem], plan, complete))

        from conself.samplers.vllm.engine import engine_for

        engine = engine_for(model, self.runtime, self.max_model_len)
        yield from stream(problems, flow, engine, plan.n_observations * plan.programs_per_observation)


@dataclass(frozen=True)
class VllmDecoder(DirectSettings):
    """Answers to benchmarks, drawn as the sampler draws."""

    max_model_len: int | None
    runtime: Runtime

    loads_model: ClassVar[bool] = True
    modules: ClassVar[tuple[str, ...]] = ("conself.samplers.vllm.engine",)

    def check_model(self, model: ModelRef) -> None:
        """Refuse a model that vLLM is not given here; raises as :func:`check_served` does."""
        check_served(model)

    def __call__(self, problems: Iterable[Problem], model: ModelRef) -> Iterator[list[Candidate]]:
        """``n`` candidates per problem, in the order of the problems; raises as the sampler does."""
        from conself.samplers.vllm.engine import engine_for

        settings = self.drawn()

        def flow(problem: Problem, complete: Complete) -> list[Candidate]:
            return next(direct_candidates([problem], self.n, self.seed, self.prompts, settings, complete))

        yield from stream(problems, flow, engine_for(model, self.runtime, self.max_model_len), self.n)

    def check_adapter(self, config: Mapping[str, Any]) -> None:
        """Refuse an adapter that the engine could not put on; ``config`` is as PEFT writes it.

        Raises:
            ValueError: it is such a one; with the remedy.
        """
        check_lora(config)
