"""The contract of engines: chats in, completions out. A new one is a subclass of :class:`Engine` and a YAML."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from conself.engines.decoding import Decoding
from conself.prompts.prompts import Message
from conself.records import Candidate, ModelRef, Problem
from conself.sandbox.jsonlines import Json

if TYPE_CHECKING:
    from conself.engines.transformers.ledger import Completion, Request


@dataclass(frozen=True)
class Ask:
    """A chat to complete, once per seed. Neighbours of one ``group`` are about the same, and may be read together."""

    messages: list[Message]
    seeds: tuple[int, ...]
    group: str | None = None


@dataclass(frozen=True)
class Reply:
    """A completed turn. The means are in nats per token, end of turn included; None where the model hides them."""

    text: str
    finish_reason: str
    mean_nll: float | None
    mean_token_entropy: float | None
    n_tokens: int


# Asks and how to draw -> one reply per seed, in order; perhaps as they come.
Complete = Callable[[Sequence[Ask], Decoding], Iterable[list[Reply]]]
# Problems and how to complete chats -> one list of candidates per problem, in order, each as it is there.
Flow = Callable[[Sequence[Problem], Complete], Iterator[list[Candidate]]]


@dataclass(frozen=True)
class Demand:
    """How much is asked of an engine per problem: ``samples`` completions at once, of up to ``tokens`` each."""

    samples: int
    tokens: int


class Runtime(Protocol):
    """How an engine wants its work cut: speed and memory only."""

    @property
    def processes(self) -> int | None:
        """Worker processes that draw at once; None only before it is settled."""

    @property
    def threads(self) -> int | None:
        """Threads of each; None likewise."""

    @property
    def shards_per_task(self) -> int:
        """Shards that one call streams through, so that an engine need not run dry between them."""


class Engine(ABC):
    """Completes chats. All that its results depend on are its fields, but for ``runtime``, and the model.

    ``loads_model`` says whether it draws from the job's own model, tuned or not; ``modules`` are what a worker imports
    for it, which takes seconds.
    """

    runtime: Runtime

    loads_model: ClassVar[bool]
    modules: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def fingerprint(self, model: ModelRef | None) -> str:
        """Whose completions these are: of ``model``'s content where the engine loads it."""

    @abstractmethod
    def draw(
        self, problems: Iterable[Problem], flow: Flow, demand: Demand, model: ModelRef | None
    ) -> Iterator[list[Candidate]]:
        """What ``flow`` makes of all problems, in their order; they are read as they are needed.

        The engine calls ``flow`` as often as it likes, on one problem or on several, each call with a way of completing
        chats. ``flow`` must ask the same given the same replies, and be cheap.

        Raises:
            OSError: the model, or a library, cannot be loaded; with the remedy.
            ValueError: it cannot be drawn from here, or a request fails for good; with the remedy.
        """

    def tokens(  # of those that have them
        self,
        requests: Sequence[Request],
        how: Decoding,
        model: ModelRef,
    ) -> list[list[Completion]]:
        """Completions of every request as tokens, in order, with the log-probs that they were drawn with.

        Each adapter must lie in a folder of its own: what was loaded from there may be kept.

        Raises:
            OSError, ValueError: as :meth:`draw`.
            NotImplementedError: the engine gives texts alone; who asks it has to look first.
        """
        raise NotImplementedError(f"{type(self).__name__} gives texts alone")

    def check_model(self, model: ModelRef) -> None:  # noqa: B027 - most load any
        """Refuse a model that the engine cannot load, before any work.

        Raises:
            OSError: the model's folder or file is not there.
            ValueError: it is such a one; with the remedy.
        """

    def check_adapter(self, config: Mapping[str, Json]) -> None:  # noqa: B027
        """Refuse an adapter that the engine cannot put on, before any work; ``config`` is as PEFT writes it.

        Raises:
            ValueError: it is such a one; with the remedy.
        """

    def settled(self, model: ModelRef | None, demand: Demand) -> Self:  # noqa: ARG002 - of those that load it here
        """The same, with a runtime that suits this machine as it is now."""
        return self

    def worth_a_call(self, demand: Demand) -> int:  # noqa: ARG002
        """The problems that keep one of its processes busy."""
        return 1


def required(model: ModelRef | None) -> ModelRef:
    """The model, for engines that load it.

    Raises:
        ValueError: there is none.
    """
    if model is None:
        raise ValueError("this engine draws from a model, and the job has none: set model=")
    return model
