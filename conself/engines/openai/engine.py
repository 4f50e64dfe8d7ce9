"""Completions by any OpenAI-compatible endpoint. Black-box models have no logits: NLL and entropy stay None."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

from conself.engines.decoding import Decoding
from conself.engines.engine import Ask, Complete, Demand, Engine, Flow, Reply
from conself.engines.openai.client import Client, RefusedError
from conself.engines.openai.settings import Endpoint, Runtime
from conself.records import Candidate, ModelRef, Problem
from conself.sandbox.jsonlines import Json

# Problems begun ahead of the one that is waited for, per thread: a slow one does not hold up the others.
_AHEAD = 4


@dataclass(frozen=True)
class OpenAIEngine(Engine):
    """Completions by an endpoint, which has its own model; seeds are sent if it takes them."""

    endpoint: Endpoint
    runtime: Runtime

    loads_model: ClassVar[bool] = False

    def fingerprint(self, model: ModelRef | None) -> str:  # noqa: ARG002 - it answers for itself
        """Return the endpoint's address and its name for the model."""
        return self.endpoint.fingerprint()

    def check_adapter(self, config: Mapping[str, Json]) -> None:  # noqa: ARG002
        """Refuse any adapter.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "an endpoint answers with its own weights and cannot load the trained adapter; "
            "choose engine=transformers or engine=vllm, in training engine@answering=transformers beside engine=openai"
        )

    def draw(
        self,
        problems: Iterable[Problem],
        flow: Flow,
        demand: Demand,  # noqa: ARG002 - problems are opened by the number of threads
        model: ModelRef | None,
    ) -> Iterator[list[Candidate]]:
        """Run the flow of each problem, several at once.

        Raises:
            ValueError: no key, an adapter, or a problem on which the endpoint fails permanently.
        """
        if model is not None and model.adapter is not None:
            self.check_adapter({})

        def alone(problem: Problem, complete: Complete) -> list[Candidate]:
            return next(flow([problem], complete))

        yield from _in_order(problems, alone, self.endpoint, self.runtime)


def _in_order(
    problems: Iterable[Problem],
    draw: Callable[[Problem, Complete], list[Candidate]],
    endpoint: Endpoint,
    runtime: Runtime,
) -> Iterator[list[Candidate]]:
    """Run ``draw`` on every problem, ``concurrency`` at once, each with one request at a time; results in order."""
    client = Client(endpoint, runtime)

    def complete(asks: Sequence[Ask], decoding: Decoding) -> list[list[Reply]]:
        return [client.complete(ask, decoding) for ask in asks]

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
