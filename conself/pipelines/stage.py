"""Stages: functions whose results are stored under keys derived from their arguments."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Concatenate, Generic, ParamSpec, TypeVar, cast

from conself.pipelines.context import Context
from conself.sandbox.jsonlines import Json, Plain
from conself.store.artifacts import Artifact, Stage
from conself.store.keys import Settings, identity

Given = ParamSpec("Given")
Value = TypeVar("Value")
Summary = Mapping[str, Plain]


@dataclass(frozen=True)
class Work:
    """A stage's context, and the folder it writes to, which survives a kill and becomes the artifact."""

    context: Context
    folder: Path


@dataclass(frozen=True)
class Aside(Generic[Value]):
    """An argument that does not change the result and is left out of the key."""

    value: Value


class FromArtifacts(ABC):
    """A value read from artifacts, whose keys identify it."""

    @property
    @abstractmethod
    def artifacts(self) -> Mapping[str, Artifact]:
        """The artifacts, by the names of their content."""


Argument = Artifact | FromArtifacts | Aside[Value] | Settings
"""The types of a stage's arguments."""


def stage(
    name: str, version: int
) -> Callable[[Callable[Concatenate[Work, Given], Summary]], Callable[Concatenate[Context, str, Given], Artifact]]:
    """Make a stage of a function that writes into ``work.folder`` and returns a JSON summary.

    A stage is called with a context and the job's name for the result, then the function's other arguments. They make
    its key (:func:`conself.store.artifacts.artifact_key`): artifacts, and values read from artifacts, are the inputs;
    all others, by parameter name, are the config (:func:`conself.store.keys.identity`), except those wrapped in
    :class:`Aside`.

    Args:
        name: the kind of result, and its folder in the store.
        version: to be raised when the function gives other results for the same arguments.
    """
    kind = Stage(name, version)

    def of(make: Callable[Concatenate[Work, Given], Summary]) -> Callable[Concatenate[Context, str, Given], Artifact]:
        parameters = signature(make)

        @wraps(make)
        def built(context: Context, label: str, *args: Given.args, **kwargs: Given.kwargs) -> Artifact:
            bound = parameters.bind(None, *args, **kwargs)
            bound.apply_defaults()
            config, inputs = split_arguments(dict(list(bound.arguments.items())[1:]))

            def fill(folder: Path) -> Summary:
                return make(Work(context, folder), *args, **kwargs)

            return context.build(kind, label, config, inputs, fill)

        return cast(Callable[Concatenate[Context, str, Given], Artifact], built)

    return of


def split_arguments(arguments: Mapping[str, Argument[Value]]) -> tuple[dict[str, Json], dict[str, Artifact]]:
    """Split a stage's arguments into the config and the inputs of its key.

    Raises:
        TypeError: an argument cannot stand in a key.
    """
    config: dict[str, Json] = {}
    inputs: dict[str, Artifact] = {}
    for name, value in arguments.items():
        if isinstance(value, Artifact):
            inputs[name] = value
        elif isinstance(value, FromArtifacts):
            twice = inputs.keys() & value.artifacts.keys()
            if twice:
                raise TypeError(f"{sorted(twice)} appear twice among the arguments of a stage")
            inputs |= value.artifacts
        elif not isinstance(value, Aside):
            config[name] = identity(value)
    return config, inputs
