"""The page of contracts: its examples run, are built as configs build them, and are what a type checker takes."""

import dataclasses
import doctest
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Protocol

import pytest
from mypy import api

from conself import contracts
from conself.contracts import names
from conself.runtime.parts import build, faults_of

ROOT = Path(__file__).parents[1]
EXAMPLES = doctest.DocTestParser().get_examples(contracts.__doc__ or "")
PARTS = dict(re.findall(r"^(\w+): (\w+) = ", "".join(example.source for example in EXAMPLES), re.MULTILINE))
"""Variable of an example -> the contract that it is annotated with."""
PROTOCOLS = {
    name
    for name in names.__all__
    if inspect.isclass(kind := getattr(contracts, name)) and (Protocol in kind.__bases__ or inspect.isabstract(kind))
}
INSIDE = {"Runner", "Runtime", "TextMetric"}
"""What parts are asked for inside others."""


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The examples as a module of their own, as a user's file would be."""
    path = tmp_path_factory.mktemp("examples") / "page_examples.py"
    source = "from __future__ import annotations\n" + "".join(example.source for example in EXAMPLES)
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def test_every_contract_has_an_example_and_a_docstring() -> None:
    assert set(PARTS.values()) == PROTOCOLS - INSIDE
    for name in PROTOCOLS:
        assert inspect.getdoc(getattr(contracts, name)), name
        assert f"**{name}**" in str(contracts.__doc__) or name in INSIDE


@pytest.mark.parametrize("variable", PARTS)
def test_an_example_is_built_from_a_config_node(examples: ModuleType, variable: str) -> None:
    part, contract = getattr(examples, variable), getattr(contracts, PARTS[variable])
    assert faults_of(part, contract) == []
    if type(part).__module__ == examples.__name__:
        settings = (
            {f.name: getattr(part, f.name) for f in dataclasses.fields(part)} if dataclasses.is_dataclass(part) else {}
        )
        node = {"_target_": f"{examples.__name__}.{type(part).__name__}", **settings}
        assert type(build(node, contract)) is type(part)


@pytest.mark.parametrize("variable", sorted(set(PARTS) - {"benchmark"}))
def test_an_example_is_no_part_of_another_kind(examples: ModuleType, variable: str) -> None:
    """So that the checks above can fail; but for a benchmark and a data set, which are called alike."""
    others = set(PARTS.values()) - {PARTS[variable], "Benchmark"}
    part = getattr(examples, variable)
    assert all(faults_of(part, getattr(contracts, name)) for name in others), variable


def test_the_examples_are_what_a_type_checker_takes(examples: ModuleType) -> None:
    words = ["--strict", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    said, errors, status = api.run([*words, str(examples.__file__)])
    assert status == 0, said + errors
