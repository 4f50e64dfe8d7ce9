"""Parts that stand in keys by their content: data sets, and samplers with their engine and model."""

from dataclasses import dataclass
from typing import Any, Self

from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.records import ModelRef
from conself.samplers.sampler import Asking
from conself.store.keys import Identified, located, plain


@dataclass(frozen=True)
class Source(Identified):
    """A data set or benchmark: its settings and the part itself, known by its content wherever that lies."""

    node: DictConfig
    part: Any

    @classmethod
    def of(cls, node: DictConfig) -> Self:
        """The part that a config node describes."""
        return cls(node, instantiate(node, _convert_="all"))

    @property
    def identity(self) -> dict[str, Any]:
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
    def identity(self) -> dict[str, Any]:
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
    return Asking.of(instantiate(sampler, _convert_="all"), instantiate(engine, _convert_="all"))
