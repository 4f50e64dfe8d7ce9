"""The contract of samplers: what is asked of each problem, and how the replies become candidates.

A new one is a subclass of :class:`Sampler` and a YAML; it runs on every engine.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Self

from conself.engines.engine import Complete, Demand, Engine, Runtime
from conself.engines.nobody import Nobody
from conself.records import Candidate, ModelRef, Problem


class Sampler(ABC):
    """Asks for candidates: all that is asked depends on its fields and the problem."""

    @property
    @abstractmethod
    def demand(self) -> Demand:
        """How much it asks of an engine per problem; 0 samples where its candidates come from elsewhere."""

    @abstractmethod
    def __call__(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        """One list of candidates per problem, in order, each as it is there.

        It must ask the same given the same replies, and be cheap: an engine may call it again for one problem.
        """

    def fingerprint(self) -> str:
        """What its candidates depend on beside its fields and an engine: the content of a file, say."""
        return ""


@dataclass(frozen=True)
class Asking:
    """A sampler and the engine that it asks: together they draw candidates."""

    sampler: Sampler
    engine: Engine

    @classmethod
    def of(cls, sampler: Sampler, engine: Engine | None) -> Self:
        """The two together; ``engine`` is not used, and may be None, where the sampler asks for nothing."""
        return cls(sampler, engine if engine is not None and sampler.demand.samples else Nobody())

    def __str__(self) -> str:
        return f"{type(self.sampler).__name__} with {type(self.engine).__name__}"

    @property
    def runtime(self) -> Runtime:
        """How to cut the work."""
        return self.engine.runtime

    @property
    def worth_a_call(self) -> int:
        """The problems that keep one of the engine's processes busy."""
        return self.engine.worth_a_call(self.sampler.demand)

    def settled(self, model: ModelRef | None) -> Self:
        """The same, with an engine whose runtime suits this machine as it is now; raises as the engine does."""
        return replace(self, engine=self.engine.settled(model, self.sampler.demand))

    def __call__(self, problems: Iterable[Problem], model: ModelRef | None) -> Iterator[list[Candidate]]:
        """The candidates of each problem, in the order of the problems, which are read as they are needed.

        Raises:
            OSError: as :meth:`Engine.draw` does.
            ValueError: likewise; or the sampler does not give one list per problem.
        """
        return self.engine.draw(problems, self._flow, self.sampler.demand, model)

    def _flow(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        for problem, group in zip_longest(problems, self.sampler(problems, complete)):
            if problem is None or group is None:  # what follows would go to other problems
                who, what = type(self.sampler).__name__, "nothing" if group is None else "too much"
                raise ValueError(f"{who} gave {what} for problem {(problem or problems[-1]).id!r} and after")
            yield group
