"""Parts that stand in keys by their content: data sets, and samplers with the model that they draw from."""

from dataclasses import dataclass
from typing import Any, Self

from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.models.transformers import fingerprint
from conself.records import ModelRef
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
    """A sampler and the model that it draws from; None, or not read, where it loads none."""

    node: DictConfig
    part: Any
    model: ModelRef | None

    @classmethod
    def of(cls, node: DictConfig, model: ModelRef | None) -> Self:
        """The sampler that a config node describes, drawing from ``model``."""
        return cls(node, instantiate(node, _convert_="all"), model)

    @property
    def identity(self) -> dict[str, Any]:
        """Its settings, and the fingerprint of the model, or its own where it loads none.

        A tuned model is known by its content, not by the training that it comes from.
        """
        model = self.model if self.part.loads_model else None
        source = self.part.fingerprint() if model is None else fingerprint(model)
        return {"settings": plain(self.node), "model": source}
