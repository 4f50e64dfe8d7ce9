"""Completions by vLLM, with the same prompts, seeds and definitions as any engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conself.engines.decoding import Decoding
from conself.engines.engine import Demand, Engine, Flow, required
from conself.engines.stream import alone, stream
from conself.engines.vllm.start import Runtime, check_lora, check_served
from conself.models.transformers import fingerprint
from conself.records import Candidate, ModelRef, Problem
from conself.sandbox.jsonlines import Json

if TYPE_CHECKING:
    from conself.engines.transformers.ledger import Completion, Request


@dataclass(frozen=True)
class VllmEngine(Engine):
    """Completions at vLLM's speed. Other samples in a batch can change a logit's last bits and thus, rarely, a token.

    A prompt and its completion take at most ``max_model_len`` tokens (None: the model's context).
    """

    max_model_len: int | None
    runtime: Runtime

    loads_model: ClassVar[bool] = True
    modules: ClassVar[tuple[str, ...]] = ("conself.engines.vllm.machine",)

    def fingerprint(self, model: ModelRef | None) -> str:
        """Return the model's fingerprint."""
        return fingerprint(required(model))

    def check_model(self, model: ModelRef) -> None:
        """Check that vLLM can serve the model; raises as :func:`check_served` does."""
        check_served(model)

    def check_adapter(self, config: Mapping[str, Json]) -> None:
        """Check that vLLM can load the adapter; raises as :func:`check_lora` does."""
        check_lora(config)

    def draw(
        self, problems: Iterable[Problem], flow: Flow, demand: Demand, model: ModelRef | None
    ) -> Iterator[list[Candidate]]:
        """Run the flow of each problem, in one stream; ``Reply.n_tokens`` counts all tokens."""
        from conself.engines.vllm.machine import machine_for

        machine = machine_for(required(model), self.runtime, self.max_model_len)
        yield from stream(problems, alone(flow), machine, demand.samples)

    def tokens(self, requests: Sequence[Request], how: Decoding, model: ModelRef) -> list[list[Completion]]:
        """Draw tokens; each adapter gets its own id, and no earlier cached values are used with it."""
        from conself.engines.vllm.machine import machine_for

        machine = machine_for(model, self.runtime, self.max_model_len)
        machine.forget()
        return machine.tokens(requests, how)
