"""Every command, setting, path and link of the README and of docs/ is one that there is."""

import importlib.util
import re
from pathlib import Path

import pytest

from analysis.request import parse
from conself.sandbox.__main__ import _parser
from experiments.real.__main__ import words_of
from tests.documentation.composing import GROUPS, composes, exists, jobs
from tests.documentation.reading import PAGES, ROOT, commands, modules, path_of, sections, spans

pytestmark = pytest.mark.no_cover  # Hydra composes at half the speed while lines are counted

HYDRA = {f"conself.{name}": name for name in ("train", "score", "evaluate")} | {
    f"conself.minipy.{name}": name for name in ("pretrain", "pretrain_roles")
}
FOLDERS = ("conself/", "conf/", "docs/", "experiments/", "tests/", "analysis/")
NO_SETTINGS = {"entry_point", "pools"}
"""Keys of something else."""
EXAMPLES = ("=short", "=parrot", "=shortest", "=distinct_texts")
"""Parts that the pages' own examples bring, and tests of these examples run."""
LINKING = (*PAGES, ROOT / "CONTRIBUTING.md", *(ROOT / "experiments").rglob("README.md"))


def check(module: str, words: list[str], folder: Path) -> None:
    """The words of one command against what its module takes."""
    if "--config-dir" in words:  # a user's own parts: test_examples.py, and the tests of the pages with examples
        return
    if module == "experiments.real":
        module, words = "conself.train", words_of(words)
    if module in HYDRA:
        for job in jobs(words):
            composes(HYDRA[module], job)
    elif module in ("conself.report", "analysis.report"):
        parse([f"runs={folder}" if word.startswith("runs=") else word for word in words])
    elif module == "conself.sandbox":
        _parser().parse_args(words)
    elif module == "pytest":
        assert all((ROOT / word).exists() for word in words if "/" in word)
    else:
        spec = importlib.util.find_spec(module)
        assert spec is not None, module
        sources = "".join(path.read_text() for path in Path(str(spec.origin)).parent.glob("*.py"))
        assert [word for word in words if word.startswith("--") and f'"{word}"' not in sources] == []


@pytest.mark.parametrize("page", [path.stem for path in PAGES])
def test_every_command_of_a_page_is_one_that_there_is(page: str, tmp_path: Path) -> None:
    extras = set(re.findall(r"^([\w-]+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    for words in commands(path_of(page)):
        if words[0] == "pip":
            named = [name for word in words for name in re.findall(r"\[([\w,-]+)\]", word)]
            assert {name for group in named for name in group.split(",")} <= extras, words
        elif words[1].endswith(".py"):
            assert (ROOT / words[1]).is_file(), words
        for module, rest in modules(words):
            check(module, rest, tmp_path)


def test_the_pages_have_many_commands() -> None:
    """So that none of what reads them reads nothing."""
    found = {path.stem: len(commands(path)) for path in PAGES}
    assert found["README"] >= 8
    assert sum(found.values()) > 80


@pytest.mark.parametrize("page", [path.stem for path in PAGES])
def test_every_setting_that_a_page_names_exists(page: str) -> None:
    words = [word for span in spans(path_of(page)) for word in span.split()]
    assigned = [word for word in words if re.fullmatch(r"[+~]?[a-z][\w.@/]*=\S+", word)]
    dotted = [word for word in words if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", word) and word.split(".")[0] in GROUPS]
    named = [word for word in (*assigned, *dotted) if word.partition("=")[0] not in NO_SETTINGS]
    assert [word for word in named if not word.endswith(EXAMPLES) and not exists(word)] == []


@pytest.mark.parametrize("page", [path.stem for path in PAGES])
def test_every_path_that_a_page_names_is_there(page: str) -> None:
    named = [span for span in spans(path_of(page)) if span.startswith(FOLDERS) and " " not in span]
    fixed = [span for span in named if not re.search(r"[A-Z]{2,}[/.]|\.\.\.|[{*]", span.replace("README", ""))]
    assert [span for span in fixed if not (ROOT / span.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("path", LINKING, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_section(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text()):
        name, _, anchor = target.partition("#")
        there = path.parent / name if name else path
        assert there.exists(), target
        assert not anchor or anchor in sections(there.resolve()), target
