"""A placeholder for samplers that need no engine."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.engines.decoding import Decoding
from conself.engines.engine import Ask, Demand, Engine, Flow, Reply
from conself.records import Candidate, ModelRef, Problem


@dataclass(frozen=True)
class OneCall:
    """All problems in one call."""

    processes: int = 1
    threads: int = 1
    shards_per_task: int = 1_000_000


@dataclass(frozen=True)
class Nobody(Engine):
    """Completes no chat; the sampler gets all problems at once."""

    runtime: OneCall = OneCall()

    loads_model: ClassVar[bool] = False

    def fingerprint(self, model: ModelRef | None) -> str:  # noqa: ARG002
        """Return a constant: there is no model."""
        return ""

    def draw(
        self,
        problems: Iterable[Problem],
        flow: Flow,
        demand: Demand,  # noqa: ARG002
        model: ModelRef | None,  # noqa: ARG002
    ) -> Iterator[list[Candidate]]:
        """Run the flow on all problems."""
        yield from flow(list(problems), _refuse)


def _refuse(asks: Sequence[Ask], decoding: Decoding) -> list[list[Reply]]:  # noqa: ARG001
    raise TypeError("a sampler whose demand is 0 samples has asked for completions")
