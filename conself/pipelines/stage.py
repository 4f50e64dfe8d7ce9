"""Stages: functions whose results are kept, under keys that follow from what they were given."""

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
    """Where a stage works: its job, and the folder that becomes the artifact and survives a kill."""

    context: Context
    folder: Path


@dataclass(frozen=True)
class Aside(Generic[Value]):
    """An argument that changes no result, and so is no part of the key."""

    value: Value


class FromArtifacts(ABC):
    """What is read from artifacts: their keys tell it apart."""

    @property
    @abstractmethod
    def artifacts(self) -> Mapping[str, Artifact]:
        """The artifacts, by what they hold."""


Argument = Artifact | FromArtifacts | Aside[Value] | Settings
"""What a stage can be given."""


def stage(
    name: str, version: int
) -> Callable[[Callable[Concatenate[Work, Given], Summary]], Callable[Concatenate[Context, str, Given], Artifact]]:
    """Make a stage of a function that writes into ``work.folder`` and returns a JSON summary.

    Where the stage is called it takes a context and the name that the job gives to the result, then the function's
    other arguments. Its key is that of :func:`conself.store.artifacts.artifact_key`: artifacts among the arguments (or
    what is read from some) are the inputs; all others, by their names, the config, as
    :func:`conself.store.keys.identity` has them; but for those that are :class:`Aside`.

    Args:
        name: of the kind of result, and of its folder in the store.
        version: to be raised when the function gives other results for the same arguments.
    """
    kind = Stage(name, version)

    def of(make: Callable[Concatenate[Work, Given], Summary]) -> Callable[Concatenate[Context, str, Given], Artifact]:
        parameters = signature(make)

        @wraps(make)
        def built(context: Context, label: str, *args: Given.args, **kwargs: Given.kwargs) -> Artifact:
            given = parameters.bind(None, *args, **kwargs)
            given.apply_defaults()
            config, inputs = told_apart(dict(list(given.arguments.items())[1:]))

            def fill(folder: Path) -> Summary:
                return make(Work(context, folder), *args, **kwargs)

            return context.build(kind, label, config, inputs, fill)

        return cast(Callable[Concatenate[Context, str, Given], Artifact], built)

    return of


def told_apart(arguments: Mapping[str, Argument[Value]]) -> tuple[dict[str, Json], dict[str, Artifact]]:
    """A stage's arguments as the config and the inputs of its key.

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
                raise TypeError(f"{sorted(twice)} stand twice among the arguments of a stage")
            inputs |= value.artifacts
        elif not isinstance(value, Aside):
            config[name] = identity(value)
    return config, inputs
