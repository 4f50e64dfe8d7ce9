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
    """A chat to complete, once per seed. Adjacent asks of one ``group`` are similar, and may be read together."""

    messages: list[Message]
    seeds: tuple[int, ...]
    group: str | None = None


@dataclass(frozen=True)
class Reply:
    """A completed turn. The means are in nats per token, end of turn included; None if the model hides them."""

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
    """The work per problem: ``samples`` completions at once, of up to ``tokens`` each."""

    samples: int
    tokens: int


class Runtime(Protocol):
    """An engine's settings for dividing work, which change speed and memory only."""

    @property
    def processes(self) -> int | None:
        """The number of worker processes that draw at once; None only before it is settled."""

    @property
    def threads(self) -> int | None:
        """The threads of each; None likewise."""

    @property
    def shards_per_task(self) -> int:
        """The shards that one call streams through, so that an engine does not idle between them."""


class Engine(ABC):
    """Completes chats. Its results depend only on its fields, except ``runtime``, and on the model.

    ``loads_model`` says whether it draws from the job's own model, tuned or not; ``modules`` are its slow imports,
    which workers do in advance.
    """

    runtime: Runtime

    loads_model: ClassVar[bool]
    modules: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def fingerprint(self, model: ModelRef | None) -> str:
        """Return the identity of the source of completions: ``model``'s content if the engine loads it."""

    @abstractmethod
    def draw(
        self, problems: Iterable[Problem], flow: Flow, demand: Demand, model: ModelRef | None
    ) -> Iterator[list[Candidate]]:
        """Yield the candidates that ``flow`` makes of all problems, in order; problems are read as they are needed.

        The engine may call ``flow`` any number of times, on one or several problems, each time with a function that
        completes chats. ``flow`` must ask the same given the same replies, and be cheap.

        Raises:
            OSError: the model, or a library, cannot be loaded; with the remedy.
            ValueError: the model cannot be used here, or a request fails permanently; with the remedy.
        """

    def tokens(  # of those that have them
        self,
        requests: Sequence[Request],
        how: Decoding,
        model: ModelRef,
    ) -> list[list[Completion]]:
        """Return completions of every request as tokens, in order, with the log-probs of their draws.

        Each adapter must have its own folder, because loaded adapters may be cached.

        Raises:
            OSError, ValueError: as :meth:`draw`.
            NotImplementedError: the engine returns only texts; callers must check beforehand.
        """
        raise NotImplementedError(f"{type(self).__name__} gives texts alone")

    def check_model(self, model: ModelRef) -> None:  # noqa: B027 - most load any
        """Check that the engine can load the model, before any work.

        Raises:
            OSError: the model's folder or file does not exist.
            ValueError: it cannot; with the remedy.
        """

    def check_adapter(self, config: Mapping[str, Json]) -> None:  # noqa: B027
        """Check that the engine can load the adapter, before any work; ``config`` is as PEFT writes it.

        Raises:
            ValueError: it cannot; with the remedy.
        """

    def settled(self, model: ModelRef | None, demand: Demand) -> Self:  # noqa: ARG002 - of those that load it here
        """Return the same with a runtime adapted to this machine's current state."""
        return self

    def worth_a_call(self, demand: Demand) -> int:  # noqa: ARG002
        """Return the number of problems that keep one of its processes busy."""
        return 1


def required(model: ModelRef | None) -> ModelRef:
    """Return the model, for engines that load it.

    Raises:
        ValueError: there is none.
    """
    if model is None:
        raise ValueError("this engine draws from a model, and the job has none: set model=")
    return model
