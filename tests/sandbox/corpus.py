"""Programs as data, in text files: under each line ``#### name [argument]`` lies one; argument and brackets may lack.

A line ``#include name`` stands for the text file of that name beside it.
"""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """A program's name, what stands in brackets behind it, and its text."""

    name: str
    argument: str
    source: str


def read(path: Path) -> list[Entry]:
    """The programs of one file; ValueError if two have the same name."""
    heads_and_texts = re.split(r"^#### (.*?)(?: \[(.*)\])?\n", path.read_text("utf-8"), flags=re.MULTILINE)[1:]
    heads = zip(heads_and_texts[::3], heads_and_texts[1::3], heads_and_texts[2::3], strict=True)
    found = [Entry(name, argument or "", _expand(text, path.parent)) for name, argument, text in heads]
    if len({entry.name for entry in found}) < len(found):
        raise ValueError(f"two programs of {path} have the same name")
    return found


def _expand(text: str, folder: Path) -> str:
    def included(match: re.Match[str]) -> str:
        return (folder / f"{match[1]}.txt").read_text("utf-8")

    return re.sub("^#include (.*)$", included, text.strip("\n") + "\n", flags=re.MULTILINE)
