"""Parts that keys identify by content: data sets, and samplers with their engine and model."""

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
    """A data set or benchmark: its settings and the part itself, identified by its content, not by its path."""

    node: DictConfig
    part: Content

    @classmethod
    def of(cls, node: DictConfig, contract: type[Content]) -> Self:
        """Build the part that a config node describes; raises as :func:`conself.runtime.parts.build`."""
        return cls(node, build(node, contract))

    @property
    def identity(self) -> Json:
        """Its settings without paths, and the fingerprint of its content."""
        return {"settings": located(self.node), "content": self.part.fingerprint()}


@dataclass(frozen=True)
class Drawing(Identified):
    """A sampler with its engine and the engine's model; the engine is None, or ignored, if the sampler asks none."""

    sampler: DictConfig
    engine: DictConfig | None
    part: Asking
    model: ModelRef | None

    @classmethod
    def of(cls, sampler: DictConfig, engine: DictConfig | None, model: ModelRef | None) -> Self:
        """Build the sampler and the engine that config nodes describe, drawing from ``model``."""
        return cls(sampler, engine, asking(sampler, engine), model)

    @property
    def identity(self) -> Json:
        """Settings of sampler and engine, and fingerprints of the files that the sampler reads and of the model.

        A tuned model is identified by its content, not by its training run. An engine that is not asked is left out.
        """
        drawn_from, sampler = self.part.engine, self.part.sampler
        return {
            "settings": plain(self.sampler),
            "content": sampler.fingerprint(),
            "engine": plain(self.engine) if sampler.demand.samples else None,
            "model": drawn_from.fingerprint(self.model),
        }


def asking(sampler: DictConfig, engine: DictConfig | None) -> Asking:
    """Build a sampler from its config node, with the engine of another node if there is one."""
    return Asking.of(build(sampler, Sampler), None if engine is None else build(engine, Engine))
