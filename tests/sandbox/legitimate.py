"""Honest stdin programs, as data: under a fresh interpreter and here they must do the same. They lie in text files.

What stands in brackets behind a program's name there are its inputs.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.sandbox.corpus import read

FOLDER = Path(__file__).with_name("legitimate_programs")
INPUTS: dict[str, tuple[str, str]] = {
    "numbers": ("3\n1 2 3\n", "5\n10 -4 7 0 7\n"),
    "lines": ("one two\nthree\n", "é中文 \U0001f600\n\n  spaced  \nlast"),
    "long": (f"100000\n{' '.join(str(n * 7919 % 100_003) for n in range(100_000))}\n", "3\n9 8 7\n"),
    "long line": ("ab" * 400_000 + "\n", "x\n"),
    "many lines": ("1\n" * 200_000, "1\n"),
    "CRLF": ("a b\r\nc\r\n", "a\rb\n"),
    "no newline at the end": ("7", "8 9"),
    "empty input": ("", "\n"),
    "byte order mark": ("\ufeffa\n", "a\n"),
    "null bytes": ("a\0b\n", "\0"),
}


@dataclass(frozen=True)
class Program:
    """A program and the two texts that it is given on standard input."""

    name: str
    source: str
    inputs: tuple[str, str]


SECTIONS = ("reading", "writing", "ending", "computing", "libraries")
PROGRAMS = [
    Program(entry.name, entry.source, INPUTS[entry.argument])
    for section in SECTIONS
    for entry in read(FOLDER / f"{section}.txt")
]
