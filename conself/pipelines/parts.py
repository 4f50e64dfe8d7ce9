"""Parts that stand in keys by their content: data sets, and samplers with their engine and model."""

from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from omegaconf import DictConfig

from conself.datasets.decontamination import Stated
from conself.engines.engine import Engine
from conself.records import ModelRef
from conself.runtime.parts import build
from conself.samplers.sampler import Asking, Sampler
from conself.sandbox.jsonlines import Json
from conself.store.keys import Identified, located, plain

Content = TypeVar("Content", bound=Stated, covariant=True)


@dataclass(frozen=True)
class Source(Identified, Generic[Content]):
    """A data set or benchmark: its settings and the part itself, known by its content wherever that lies."""

    node: DictConfig
    part: Content

    @classmethod
    def of(cls, node: DictConfig, contract: type[Content]) -> Self:
        """The part that a config node describes; raises as :func:`conself.runtime.parts.build`."""
        return cls(node, build(node, contract))

    @property
    def identity(self) -> Json:
        """Its settings without mere locations, and the fingerprint of its content."""
        return {"settings": located(self.node), "content": self.part.fingerprint()}


@dataclass(frozen=True)
class Drawing(Identified):
    """A sampler with the engine that it asks, and the model that the engine draws from; None, or not read, without."""

    sampler: DictConfig
    engine: DictConfig | None
    part: Asking
    model: ModelRef | None

    @classmethod
    def of(cls, sampler: DictConfig, engine: DictConfig | None, model: ModelRef | None) -> Self:
        """The sampler and the engine that config nodes describe, drawing from ``model``."""
        return cls(sampler, engine, asking(sampler, engine), model)

    @property
    def identity(self) -> Json:
        """Settings of both, and the content that the sampler reads and whose completions the engine's are.

        A tuned model is known by its content, not by the training that it comes from. An engine that is not asked is no
        part of it.
        """
        asked, sampler = self.part.engine, self.part.sampler
        return {
            "settings": plain(self.sampler),
            "content": sampler.fingerprint(),
            "engine": plain(self.engine) if sampler.demand.samples else None,
            "model": asked.fingerprint(self.model),
        }


def asking(sampler: DictConfig, engine: DictConfig | None) -> Asking:
    """The sampler that a config node describes, with the engine of another where it asks one."""
    return Asking.of(build(sampler, Sampler), None if engine is None else build(engine, Engine))
