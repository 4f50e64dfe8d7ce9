"""The documents as the tests here read them: pages, commands, settings, sections."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = tuple(sorted((ROOT / "docs").glob("*.md")))
PAGES = (ROOT / "README.md", *DOCS)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_COMMANDS = ("python ", "conself ", "make ", "pip ", ".venv/bin/")
_CONSELF = ("conself", "experiments", "analysis")


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page of ``docs/``, or of ``README``, that are in a language."""
    return [text for name, text in _FENCED.findall(path_of(page).read_text()) if name == language]


def path_of(page: str) -> Path:
    """The file of a page by its name without the suffix."""
    return next(path for path in PAGES if path.stem == page)


def spans(path: Path) -> list[str]:
    """What stands between backticks in a text, outside of blocks."""
    return _INLINE.findall(_FENCED.sub("", path.read_text()))


def commands(path: Path) -> list[list[str]]:
    """The words of every command of a page: in indented blocks, in fenced ones without a language, and in texts."""
    text = path.read_text()
    shell = "".join(block for name, block in _FENCED.findall(text) if not name)
    indented = [line for line in _FENCED.sub("", text).splitlines() if line.startswith("    ")]
    lines = [*shell.replace("\\\n", " ").splitlines(), *"\n".join(indented).replace("\\\n", " ").splitlines()]
    found = [line.strip() for line in [*lines, *spans(path)] if line.strip().startswith(_COMMANDS)]
    return [shlex.split(line, comments=True) for line in dict.fromkeys(found)]


def modules(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The modules of this project that a command starts, each with its words; those of ``make`` as make has them."""
    if words[0] == "conself":
        yield f"conself.{words[1]}", words[2:]
    elif words[0] == "make":
        done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        for line in done.stdout.splitlines():
            if line.startswith(tuple(f".venv/bin/python -m {name}." for name in _CONSELF)):
                yield from modules(shlex.split(line))
    elif words[1:2] == ["-m"]:
        yield words[2], words[3:]


@cache
def sections(path: Path) -> frozenset[str]:
    """The anchors of a page's headings, as mkdocs and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", path.read_text()), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
