"""Values of the wrong type are told by their dotted key before any part is built."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import pytest
from omegaconf import OmegaConf

from conself.app.checks import check_types
from tests.test_conf import composed


@dataclass(frozen=True)
class Plain:
    number: float
    count: int
    text: str
    switch: bool
    limit: int | None
    name: str | None


class Callable(Protocol):
    def __call__(self) -> int: ...


@dataclass(frozen=True)
class Rich:
    pair: tuple[int, int]
    choice: Literal["a", "b"]
    either: int | list[int]
    inner: Plain
    called: Callable
    shared: ClassVar[int] = 1


def function(number: float) -> float:
    return number


HERE = f"{__name__}.Plain"


@pytest.mark.parametrize(
    "values",
    [
        {"number": 0.5, "count": 3, "text": "x", "switch": True, "limit": 5, "name": "x"},
        {"number": 1, "count": -1, "text": "", "switch": False, "limit": None, "name": None},
        {"number": float("inf"), "tua": "a key too many", "_convert_": "all"},
        {},
    ],
)
def test_right_types_pass(values: dict[str, Any]) -> None:
    check_types({"_target_": HERE, **values}, "part")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("number", "abc", "a number, got 'abc'"),
        ("number", True, "a number, got True"),
        ("number", None, "a number, got None"),
        ("number", [1.0], "a number, got [1.0]"),
        ("number", {"a": 1}, "a number, got {'a': 1}"),
        ("count", 2.5, "an int, got 2.5"),
        ("count", 2.0, "an int, got 2.0"),
        ("count", False, "an int, got False"),
        ("text", 5, "text, got 5"),
        ("text", None, "text, got None"),
        ("switch", 1, "true or false, got 1"),
        ("switch", "yes", "true or false, got 'yes'"),
        ("limit", 0.5, "an int or null, got 0.5"),
        ("name", 1234567, "text or null, got 1234567"),
    ],
)
def test_wrong_types_are_named(key: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'part.{key} must be {words}')}$"):
        check_types({"_target_": HERE, key: value}, "part")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("either", "x", "an int or a list of int, got 'x'"),
        ("either", [1, "x"], "an int or a list of int, got [1, 'x']"),
        ("inner", "x", "a part, of which conf/ has a choice, got 'x'"),
        ("called", 5, "a part, of which conf/ has a choice, got 5"),
    ],
)
def test_lists_and_parts_are_looked_into(key: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'part.{key} must be {words}')}$"):
        check_types({"_target_": f"{__name__}.Rich", key: value}, "part")


@pytest.mark.parametrize(
    "config",
    [
        {"_target_": f"{__name__}.Rich", "pair": "x", "choice": 5, "shared": "x"},
        {"_target_": f"{__name__}.Rich", "either": [1, 2], "called": {"_target_": f"{__name__}.function", "number": 1}},
        {"_target_": f"{__name__}.Rich", "either": 1, "called": {"_target_": "x"}},
        {"_target_": HERE, "_partial_": True, "number": "abc"},
        {"_target_": HERE, "number": {"_target_": f"{__name__}.function", "number": "abc"}},
        {"_target_": f"{__name__}.function", "number": "abc"},
        {"_target_": f"{__name__}.Absent", "number": "abc"},
        {"_target_": "no_such_package.Part", "number": "abc"},
        {"_target_": "no dotted path", "number": "abc"},
        {"_target_": None, "number": "abc"},
        {"number": "abc"},
    ],
)
def test_what_is_not_plain_or_not_known_is_left_alone(config: dict[str, Any]) -> None:
    check_types(config, "part")


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"_target_": f"{__name__}.Rich", "inner": {"_target_": HERE, "count": "x"}}, "part.inner.count"),
        ({"a": {"b": {"_target_": HERE, "count": "x"}}}, "part.a.b.count"),
        ({"a": [{"_target_": HERE, "count": 1}, [{"_target_": HERE, "count": "x"}]]}, "part.a[1][0].count"),
        (
            {"_target_": HERE, "_partial_": True, "inner": {"_target_": HERE, "count": "x"}},
            "part.inner.count",
        ),
    ],
)
def test_parts_are_found_at_any_depth(config: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(key)} must be an int, got 'x'"):
        check_types(config, "part")


def plain(*overrides: str) -> dict[str, Any]:
    container = OmegaConf.to_container(composed(*overrides))
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


@pytest.mark.parametrize("overrides", [(), ("training.gradient_clip=null", "tau=1", "experiment=self_sft")], ids=str)
def test_the_config_as_it_is_passes(overrides: tuple[str, ...]) -> None:
    check_types(plain(*overrides), "")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("tau=abc", "curriculum.tau must be a number, got 'abc'"),
        ("sampler.n_observations=2.5", "sampler.n_observations must be an int, got 2.5"),
        ("training.epochs=1.5", "training.epochs must be an int, got 1.5"),
        ("training.tuning.r=1.5", "training.tuning.r must be an int, got 1.5"),
        ("training.tuning.dora=maybe", "training.tuning.dora must be true or false, got 'maybe'"),
        (
            "training.tuning.target=[q_proj,1]",
            "training.tuning.target must be text or a list of text, got ['q_proj', 1]",
        ),
        ("training.tuning=lora", "training.tuning must be a part, of which conf/ has a choice, got 'lora'"),
        ("training.export=null", "training.export must be text, got None"),
        ("training.gradient_clip=false", "training.gradient_clip must be a number or null, got False"),
        ("sandbox.cpu_seconds=abc", "sandbox.cpu_seconds must be a number, got 'abc'"),
        (
            "training.runtime.layout.token_budget=1e4",
            "training.runtime.layout.token_budget must be an int, got 10000.0",
        ),
        ("benchmark.minipy.size=many", "benchmark.minipy.size must be an int, got 'many'"),
    ],
)
def test_wrong_overrides_are_named(override: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        check_types(plain(override), "")
