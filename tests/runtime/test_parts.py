"""Parts that are built to a contract: what fits, and the one line that says what does not."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from inspect import signature
from typing import ClassVar, Protocol

import pytest
from hydra.errors import InstantiationException
from omegaconf import OmegaConf

from conself.runtime.parts import build, build_all, fits


class Greeter(Protocol):
    """A contract with a class attribute, a property and two methods."""

    polite: ClassVar[bool]

    @property
    def language(self) -> str: ...

    def __call__(self, name: str, times: int = 1) -> str: ...

    def bye(self, *, loud: bool) -> str: ...


class Base(ABC):
    """The same kind of thing by inheritance."""

    @abstractmethod
    def greet(self, name: str) -> str: ...


@dataclass(frozen=True)
class English:
    word: str
    polite: ClassVar[bool] = True
    language: ClassVar[str] = "en"

    def __call__(self, name: str, times: int = 1) -> str:
        return " ".join([f"{self.word} {name}"] * times)

    def bye(self, *, loud: bool) -> str:
        return "BYE" if loud else "bye"


class Rude:
    def __call__(self, name: str) -> str:
        return name

    bye = 3


class Heir(Base):
    def greet(self, name: str, title: str) -> str:  # type: ignore[override]  # what is to be refused
        return title + name


class Stranger:
    def greet(self, name: str) -> str:
        return name


@dataclass(frozen=True)
class Party:
    host: Greeter
    guest: Greeter | None
    names: tuple[int, ...]


@dataclass(frozen=True)
class Season:
    party: Party


def node(kind: type, **settings: str) -> dict[str, object]:
    return {"_target_": f"{kind.__module__}.{kind.__qualname__}", **settings}


def test_what_is_built_can_be_used_as_its_contract_says() -> None:
    greeter = build(OmegaConf.create(node(English, word="hello")), Greeter)
    assert greeter("Ada", times=2) == "hello Ada hello Ada"
    assert build(node(English, word="hi"), English) == English("hi")
    both = build_all(OmegaConf.create({"a": node(English, word="a"), "b": node(English, word="b")}), Greeter)
    assert both == {"a": English("a"), "b": English("b")}


def test_all_that_is_wrong_with_a_part_stands_in_one_line_with_its_key() -> None:
    config = OmegaConf.create({"who": {"greets": node(Rude)}})
    with pytest.raises(ValueError, match="is no Greeter") as caught:
        build(config.who.greets, Greeter)
    assert str(caught.value) == (
        f"who.greets: {__name__}.Rude is no Greeter: it has no polite; it has no language; "
        "__call__(name) where __call__(name, times) is called; its bye is no method"
    )


def test_a_subclass_is_looked_at_too_and_another_class_is_none() -> None:
    with pytest.raises(ValueError, match=r"Heir is no Base: greet\(name, title\) where greet\(name\) is called"):
        build(node(Heir), Base)
    with pytest.raises(ValueError, match=r"Stranger is no Base: it must be a subclass of .*\.Base"):
        build(node(Stranger), Base)


def test_parts_inside_a_part_are_looked_at_by_the_types_of_its_fields() -> None:
    hello = node(English, word="hello")
    config = OmegaConf.create(
        {"s": {**node(Season), "party": {**node(Party), "host": hello, "guest": None, "names": [3]}}}
    )
    season = build(config.s, Season)
    assert season.party.host == English("hello")
    config.s.party.guest = node(Rude)
    with pytest.raises(ValueError, match=r"^s\.party\.guest: .*Rude is no Greeter: it has no polite") as caught:
        build(config.s, Season)
    assert "__call__(name) where __call__(name, times) is called" in str(caught.value)


def test_settings_that_a_part_refuses_end_as_they_do_with_hydra() -> None:
    with pytest.raises(InstantiationException, match="word"):
        build(node(English), Greeter)


def called(a: int, b: int = 0) -> None: ...
def positional(a: int, /) -> None: ...
def keyword(*, key: int) -> None: ...


def one(a: int) -> None: ...
def other_name(c: int, b: int = 0) -> None: ...
def needs_both(a: int, b: int) -> None: ...
def more(a: int, b: int = 0, c: int = 0) -> None: ...
def more_needed(a: int, b: int = 0, *, c: int) -> None: ...
def anything(*arguments: int, **named: int) -> None: ...
def key_last(key: int = 0) -> None: ...


@pytest.mark.parametrize(
    ("given", "wanted", "right"),
    [
        (called, called, True),
        (one, called, False),
        (other_name, called, False),
        (needs_both, called, False),
        (more, called, True),
        (more_needed, called, False),
        (anything, called, True),
        (one, positional, True),
        (other_name, positional, True),
        (positional, one, False),
        (keyword, keyword, True),
        (key_last, keyword, True),
        (anything, keyword, True),
        (one, keyword, False),
    ],
)
def test_a_function_fits_where_it_takes_every_call(given: object, wanted: object, right: bool) -> None:
    """Right where ``given`` can stand in for ``wanted`` in each call that it allows, as Python's own rules have it."""
    assert callable(given)
    assert callable(wanted)
    assert fits(signature(given), signature(wanted)) is right
