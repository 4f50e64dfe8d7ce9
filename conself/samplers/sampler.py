"""The contract of samplers: what to ask for each problem, and how replies become candidates.

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
    """Asks for candidates: its questions depend only on its fields and the problem."""

    @property
    @abstractmethod
    def demand(self) -> Demand:
        """Return how much it asks of an engine per problem; 0 samples if its candidates come from elsewhere."""

    @abstractmethod
    def __call__(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        """Yield one list of candidates per problem, in order, as soon as it is complete.

        It must ask the same given the same replies, and be cheap: an engine may call it again for one problem.
        """

    def fingerprint(self) -> str:
        """Return what its candidates depend on besides its fields and an engine: the content of a file, for example."""
        return ""


@dataclass(frozen=True)
class Asking:
    """A sampler and its engine: together they draw candidates."""

    sampler: Sampler
    engine: Engine

    @classmethod
    def of(cls, sampler: Sampler, engine: Engine | None) -> Self:
        """Combine the two; ``engine`` is not used, and may be None, if the sampler asks for nothing."""
        return cls(sampler, engine if engine is not None and sampler.demand.samples else Nobody())

    def __str__(self) -> str:
        return f"{type(self.sampler).__name__} with {type(self.engine).__name__}"

    @property
    def asks(self) -> bool:
        """Whether an engine is asked; if not, the candidates come from elsewhere, for all problems at once."""
        return self.sampler.demand.samples > 0

    @property
    def runtime(self) -> Runtime:
        """How to divide the work."""
        return self.engine.runtime

    @property
    def worth_a_call(self) -> int:
        """The number of problems that keep one of the engine's processes busy."""
        return self.engine.worth_a_call(self.sampler.demand)

    def settled(self, model: ModelRef | None) -> Self:
        """Return the same with the engine's runtime adapted to this machine now; raises as the engine does."""
        return replace(self, engine=self.engine.settled(model, self.sampler.demand))

    def __call__(self, problems: Iterable[Problem], model: ModelRef | None) -> Iterator[list[Candidate]]:
        """Yield the candidates of each problem, in the order of the problems, which are read as they are needed.

        Raises:
            OSError: as :meth:`Engine.draw` does.
            ValueError: likewise; or the sampler does not yield one list per problem.
        """
        return self.engine.draw(problems, self._flow, self.sampler.demand, model)

    def _flow(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        for problem, group in zip_longest(problems, self.sampler(problems, complete)):
            if problem is None or group is None:  # later candidates would go to other problems
                sampler_name, what = type(self.sampler).__name__, "nothing" if group is None else "too much"
                raise ValueError(f"{sampler_name} gave {what} for problem {(problem or problems[-1]).id!r} and after")
            yield group
