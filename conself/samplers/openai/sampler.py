"""Candidates from any OpenAI-compatible chat endpoint. Black-box models have no logits: NLL and entropy stay None."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, Self

from conself.models.prompts import PromptStyle
from conself.records import Candidate, ModelRef, Problem
from conself.samplers.decoding import Decoding
from conself.samplers.direct import check_answers, direct_candidates
from conself.samplers.guided import Ask, Complete, Plan, Reply, guided_candidates
from conself.samplers.openai.client import Client, RefusedError
from conself.samplers.openai.settings import Endpoint, Runtime

# Problems begun ahead of the one that is waited for, per thread: a slow one does not hold up the others.
_AHEAD = 4


@dataclass(frozen=True)
class OpenAISampler:
    """Observations first, then programs guided by each (METHOD, "K candidates"), from an endpoint.

    The settings are those of the other samplers; each program's seed is sent where the endpoint takes seeds.

    Raises:
        ValueError: a setting out of range.
    """

    endpoint: Endpoint
    n_observations: int
    programs_per_observation: int
    observation_temperature: float
    observation_top_p: float
    program_temperature: float
    program_top_p: float
    max_new_tokens: int
    max_observation_tokens: int
    seed: int
    prompts: PromptStyle
    runtime: Runtime

    loads_model: ClassVar[bool] = False
    modules: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        self._plan()  # wrong settings are told before any work

    @property
    def worth_a_call(self) -> int:
        """One: nothing is gained by more at once."""
        return 1

    def settled(self, model: ModelRef | None) -> Self:  # noqa: ARG002 - of those that load it
        """The same: no model is loaded here."""
        return self

    def fingerprint(self) -> str:
        """Whose candidates these are: the endpoint's address and what it calls its model."""
        return self.endpoint.fingerprint()

    def __call__(self, problems: Iterable[Problem], model: ModelRef | None) -> Iterator[list[Candidate]]:
        """The K candidates of each problem, in the order of the problems, which are read as they are needed.

        Raises:
            ValueError: no key, or a problem that the endpoint fails on for good.
        """
        _check_model(model)
        plan = self._plan()

        def draw(problem: Problem, complete: Complete) -> list[Candidate]:
            return next(guided_candidates([problem], plan, complete))

        yield from _in_order(problems, draw, self.endpoint, self.runtime)

    def _plan(self) -> Plan:
        top_k, stop = self.endpoint.top_logprobs or 1, self.prompts.stop
        observing = Decoding(
            self.observation_temperature, self.observation_top_p, self.max_observation_tokens, top_k, stop
        )
        programming = Decoding(self.program_temperature, self.program_top_p, self.max_new_tokens, top_k, stop)
        return Plan(self.n_observations, self.programs_per_observation, observing, programming, self.seed, self.prompts)


@dataclass(frozen=True)
class OpenAIDecoder:
    """``n`` answers of an endpoint to the direct prompt: how benchmarks are answered. Temperature 0, n 1 is greedy.

    Raises:
        ValueError: a setting out of range, or several completions at temperature 0, which would all be the same.
    """

    endpoint: Endpoint
    n: int
    temperature: float
    top_p: float
    max_new_tokens: int
    seed: int
    prompts: PromptStyle
    runtime: Runtime

    loads_model: ClassVar[bool] = False
    modules: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_answers(self.n, self.temperature)
        self._drawn()  # told before hours of sampling, not after

    @property
    def worth_a_call(self) -> int:
        """One: nothing is gained by more at once."""
        return 1

    def settled(self, model: ModelRef | None) -> Self:  # noqa: ARG002 - of those that load it
        """The same: no model is loaded here."""
        return self

    def fingerprint(self) -> str:
        """Whose answers these are: the endpoint's address and what it calls its model."""
        return self.endpoint.fingerprint()

    def __call__(self, problems: Iterable[Problem], model: ModelRef | None) -> Iterator[list[Candidate]]:
        """``n`` candidates per problem, in the order of the problems; raises as the sampler does."""
        _check_model(model)
        drawn = self._drawn()

        def draw(problem: Problem, complete: Complete) -> list[Candidate]:
            return next(direct_candidates([problem], self.n, self.seed, self.prompts, drawn, complete))

        yield from _in_order(problems, draw, self.endpoint, self.runtime)

    def _drawn(self) -> Decoding:
        top_k = self.endpoint.top_logprobs or 1
        return Decoding(self.temperature, self.top_p, self.max_new_tokens, top_k, self.prompts.stop)


def _check_model(model: ModelRef | None) -> None:
    if model is not None and model.adapter is not None:
        raise ValueError(
            "an endpoint answers with its own weights and cannot put on the adapter that was trained; "
            "choose decoder=transformers or decoder=vllm beside sampler=openai"
        )


def _in_order(
    problems: Iterable[Problem],
    draw: Callable[[Problem, Complete], list[Candidate]],
    endpoint: Endpoint,
    runtime: Runtime,
) -> Iterator[list[Candidate]]:
    """``draw`` on every problem, ``concurrency`` at once, each with one request under way; results in order."""
    client = Client(endpoint, runtime)

    def complete(asks: Sequence[Ask], drawn: Decoding) -> list[list[Reply]]:
        return [client.complete(ask, drawn) for ask in asks]

    def work(problem: Problem) -> list[Candidate]:
        try:
            return draw(problem, complete)
        except RefusedError as error:
            raise ValueError(
                f"problem {problem.id!r}: the endpoint {endpoint.base_url} (model {endpoint.model_name!r}) {error}; "
                "then run the same command again: finished shards are kept"
            ) from None

    waiting: deque[Future[list[Candidate]]] = deque()
    pool = ThreadPoolExecutor(runtime.concurrency)
    try:
        for problem in problems:
            waiting.append(pool.submit(work, problem))
            if len(waiting) >= _AHEAD * runtime.concurrency:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        client.close()
        pool.shutdown(cancel_futures=True)
