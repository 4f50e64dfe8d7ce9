"""Convert settings for an artifact's key: parts by class name, models by content, paths left out."""

import re
from abc import ABC, abstractmethod
from functools import cache
from importlib.metadata import packages_distributions
from pkgutil import resolve_name

from omegaconf import DictConfig, ListConfig

from conself.models.transformers import fingerprint
from conself.records import ModelRef
from conself.runtime.plain import to_plain
from conself.sandbox.jsonlines import Json, Plain

_MODEL_REF = f"{ModelRef.__module__}.{ModelRef.__qualname__}"


def part_name(target: str) -> str:
    """Convert the dotted path in a ``_target_`` to ``distribution:ClassName``, which survives a move between modules.

    A part that belongs to no installed distribution, or to one of several that share a namespace, is named by its
    top-level package.
    """
    top, _, _ = target.partition(".")
    return f"{_distribution(top)}:{target.rpartition('.')[2]}"


@cache
def _distribution(top: str) -> str:
    own = __name__.partition(".")[0]
    names = {own} if top == own else set(packages_distributions().get(top, ()))  # our own: installed or not
    return names.pop() if len(names) == 1 else top


def snake_case(name: str) -> str:
    """Convert ``CodeSemanticEntropy`` to ``code_semantic_entropy``, ``NLL`` to ``nll``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def class_label(node: DictConfig) -> str:
    """Return a part's class in snake case, without its module: ``code_semantic_entropy``."""
    return snake_case(str(node["_target_"]).rpartition(".")[2])


class Identified(ABC):
    """A value that defines its own representation in keys."""

    @property
    @abstractmethod
    def identity(self) -> Json:
        """Plain data, equal for values that give the same results."""


Settings = ModelRef | Identified | DictConfig | ListConfig | Plain
"""The types that can be part of a key."""


def identity(value: Settings) -> Json:
    """Convert an argument of a stage to plain data for its key: settings by :func:`plain`, a ModelRef by content.

    Raises:
        TypeError: the value is neither settings nor :class:`Identified` nor plain data.
    """
    if isinstance(value, ModelRef):
        return fingerprint(value)
    if isinstance(value, Identified):
        return value.identity
    if isinstance(value, DictConfig | ListConfig):
        return plain(value)
    if isinstance(value, dict):
        return {str(key): identity(item) for key, item in value.items()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} cannot be part of a key: give it an `identity`, or pass it as Aside")


def plain(node: DictConfig | ListConfig | None) -> Json:
    """Convert a config node to plain data for a key.

    A part is named by :func:`part_name`; a ModelRef becomes the fingerprint of its content.
    """
    return None if node is None else _identified(to_plain(node))


def located(node: DictConfig) -> Json:
    """Strip location-only settings (paths) from a data set's config; otherwise as :func:`plain`.

    The data set's class lists them in ``places``: its ``fingerprint()`` covers the files there and is part of the same
    key. Without ``places`` nothing is stripped. Nulls are kept: they say that nothing is local.
    """
    return _identified(_placeless(to_plain(node)))


def models_in(node: Plain) -> list[ModelRef]:
    """List the models that parts of a plain config name, at any depth."""
    if isinstance(node, list):
        return [model for value in node for model in models_in(value)]
    if not isinstance(node, dict):
        return []
    if node.get("_target_") == _MODEL_REF:
        return [ModelRef(**{key: value for key, value in node.items() if key != "_target_"})]
    return models_in(list(node.values()))


def _identified(node: Json) -> Json:
    if isinstance(node, list):
        return [_identified(value) for value in node]
    if not isinstance(node, dict):
        return node
    target = node.get("_target_")
    if target == _MODEL_REF:
        return fingerprint(*models_in(node))
    named: dict[str, Json] = {"_target_": part_name(target)} if isinstance(target, str) else {}
    return {key: _identified(value) for key, value in node.items()} | named


def _placeless(node: Json) -> Json:
    if isinstance(node, list):
        return [_placeless(value) for value in node]
    if not isinstance(node, dict):
        return node
    target = node.get("_target_")
    places = getattr(resolve_name(target), "places", ()) if isinstance(target, str) else ()
    return {key: _placeless(value) for key, value in node.items() if key not in places or value is None}
