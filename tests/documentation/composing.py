"""Whether the configuration has the words of a command; a composition takes half a second, so few are made."""

from copy import deepcopy
from functools import cache
from itertools import zip_longest
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue

import conself.app.job  # noqa: F401  # registers the resolvers that the YAMLs use
from tests.documentation.reading import ROOT

CONF = ROOT / "conf"
GROUPS = {path.relative_to(CONF).as_posix() for path in CONF.rglob("*") if path.is_dir()} - {"hydra"}
LAUNCHER = "hydra.launcher."
COMPOSED_ELSEWHERE = {"metric", "ranking", "tracking", "training", "training/layout", "training/strategy"}
"""Groups whose choices have nearly the same keys, and each is composed by tests/test_conf.py: here it must be there."""
ROLLOUTS = ("experiment=con_grpo",)
"""Brings keys along that no other command has."""
_FLAGS = {"-m", "--help"}


def jobs(words: list[str]) -> list[tuple[str, ...]]:
    """The overrides of the jobs that a command starts: in a sweep the n-th value of each list, together."""
    values = [_values(word) for word in words if word not in _FLAGS]
    rows = zip_longest(*values)
    return [tuple(value or all_values[-1] for value, all_values in zip(row, values, strict=True)) for row in rows] or [
        ()
    ]


def _values(word: str) -> list[str]:
    parsed = OverridesParser.create().parse_override(word)
    if not parsed.is_sweep_override():
        return [word]
    return [f"{parsed.key_or_group}={value}" for value in parsed.sweep_string_iterator()]


def composes(name: str, words: tuple[str, ...]) -> None:
    """Compose ``conf/NAME.yaml`` with all words and resolve it; raises as Hydra and OmegaConf do."""
    words = tuple(word for word in words if not _is_composed_elsewhere(word))
    choices = tuple(sorted(word for word in words if _is_structure(word)))
    config = deepcopy(_composed(name, choices))
    for word in words:
        if not _is_structure(word):
            _set(config, word)
    OmegaConf.to_container(config, resolve=True)


def _is_composed_elsewhere(word: str) -> bool:
    if word.partition("=")[0] not in COMPOSED_ELSEWHERE:
        return False
    assert exists(word), word
    return True


def _is_structure(word: str) -> bool:
    return word[0] in "+~" or word.partition("=")[0].partition("@")[0] in GROUPS


@cache
def _composed(name: str, choices: tuple[str, ...]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, list(choices))


def _set(config: DictConfig, word: str) -> None:
    """As an override sets it: the key must be there."""
    parsed = OverridesParser.create().parse_override(word)
    key, value = parsed.key_or_group, parsed.value()
    if key.startswith(LAUNCHER):
        assert _has(OmegaConf.load(CONF / "hydra" / "launcher" / "slurm.yaml"), key.removeprefix(LAUNCHER))
    elif key.startswith("hydra."):
        assert OmegaConf.select(OmegaConf.load(CONF / "base" / "hydra.yaml"), key.removeprefix("hydra.")) is not None
    else:
        OmegaConf.update(config, key, value)


def exists(setting: str) -> bool:
    """Whether there is such a key or choice: ``tau``, ``engine.endpoint.base_url``, ``metric=nll``; NAME is any."""
    key, equals, value = setting.lstrip("+~").partition("=")
    group, _, place = key.partition("@")
    if group in GROUPS and equals:
        names = value.strip("[]'").split(",")
        return all(name.isupper() or (CONF / group / f"{name}.yaml").is_file() for name in names)
    if place:
        return group in GROUPS
    return any(_has(config, key) for config in _defaults()) or _in_a_choice(key)


def _has(config: Any, key: str) -> bool:
    """Whether a config has a key, be it one that asks the user for its value."""
    nothing = object()
    try:
        return OmegaConf.select(config, key, default=nothing, throw_on_missing=True) is not nothing
    except MissingMandatoryValue:
        return True


@cache
def _defaults() -> tuple[DictConfig, ...]:
    return (*(_composed(name, ()) for name in ("train", "score", "evaluate")), _composed("train", ROLLOUTS))


def _in_a_choice(key: str) -> bool:
    group, _, rest = key.partition(".")
    files = (CONF / group).glob("*.yaml") if group in GROUPS else ()
    return any(_has(OmegaConf.load(file), rest) or _has(OmegaConf.load(file), key) for file in files)
