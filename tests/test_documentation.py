"""The examples in docstrings run, and the README's commands are ones that the configuration has."""

import doctest
import importlib
import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

import conself.app.job  # noqa: F401  registers the resolvers that the YAMLs use

ROOT = Path(__file__).parents[1]
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "conself").rglob("*.py")
    if ">>> " in path.read_text()
)
COMMAND = re.compile(r"^    (?:python -m conself\.|conself )(train|score|evaluate) (.*)$", re.MULTILINE)


def commands() -> Iterator[tuple[str, tuple[str, ...]]]:
    """The config and the overrides of each job that a command of the README starts."""
    for name, words in COMMAND.findall((ROOT / "README.md").read_text()):
        overrides = [word for word in shlex.split(words, comments=True) if word != "-m"]
        if "--config-dir" not in overrides:  # a user's own parts: tests/package
            yield from ((name, job) for job in product(*map(values, overrides)))


def values(word: str) -> list[str]:
    """An override, or each value of one that is swept over."""
    parsed = OverridesParser.create().parse_override(word)
    if not parsed.is_sweep_override():
        return [word]
    return [f"{parsed.key_or_group}={value}" for value in parsed.sweep_string_iterator()]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_docstring_run(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted > 0
    assert results.failed == 0


def test_every_command_of_the_readme_composes() -> None:
    jobs = sorted(set(commands()))
    assert len(jobs) > 25
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        for name, overrides in jobs:
            OmegaConf.to_container(compose(name, list(overrides)), resolve=True)
