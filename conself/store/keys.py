"""Settings as they stand in an artifact's key: parts by name, models by content, and no mere locations."""

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
    """``distribution:ClassName`` of the dotted path in a ``_target_``: a key outlives a move to another module.

    A part that belongs to no installed distribution, or to one of several that share a namespace, goes by its
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
    """``code_semantic_entropy`` for ``CodeSemanticEntropy``, ``nll`` for ``NLL``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def class_label(node: DictConfig) -> str:
    """A part's class in snake case, whatever module holds it: ``code_semantic_entropy``."""
    return snake_case(str(node["_target_"]).rpartition(".")[2])


class Identified(ABC):
    """A value that knows what of it belongs into a key."""

    @property
    @abstractmethod
    def identity(self) -> Json:
        """Plain data, the same for values that give the same results."""


Settings = ModelRef | Identified | DictConfig | ListConfig | Plain
"""What can stand in a key."""


def identity(value: Settings) -> Json:
    """An argument of a stage as plain data for its key: settings as :func:`plain`, a ModelRef by its content.

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
    raise TypeError(f"{type(value).__name__} cannot stand in a key: give it an `identity`, or pass it as Aside")


def plain(node: DictConfig | ListConfig | None) -> Json:
    """A config node as plain data for a key.

    A part stands under its :func:`part_name`, a ModelRef as the fingerprint of its content.
    """
    return None if node is None else _identified(to_plain(node))


def located(node: DictConfig) -> Json:
    """Like :func:`plain`, for data sets: without the settings that only say where local content lies.

    A data set's class lists those in ``places``: its ``fingerprint()`` covers all that they lead to, and belongs into
    the same key. Without such a list everything stays; so does a null, which says that nothing is local.
    """
    return _identified(_placeless(to_plain(node)))


def models_in(node: Plain) -> list[ModelRef]:
    """The models that parts of a plain config name, at any depth."""
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
