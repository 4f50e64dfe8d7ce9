"""Find training problems whose statement contains a problem of an evaluation benchmark.

Two statements are compared as sequences of words: case, punctuation, white space and Unicode variants are ignored
(``words``). A problem matches a benchmark's statement

- if both have the same words, or
- if the problem contains the whole statement, of at least ``min_words`` words, with a title, a story, or a description
  of the input format around it. A shorter statement may occur by chance.

A statement that is Python code, like HumanEval's prompts, is also searched by its docstrings, whole and without their
examples, because a text that quotes it would contain these.
"""

import ast
import contextlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from conself.sandbox.sources import parse

_WORD = re.compile(r"[^\W_]+")
_EXAMPLES = re.compile(r"^\s*(?:>>>|(?:for )?examples?\b|e\.g\.)", re.IGNORECASE | re.MULTILINE)


class Stated(Protocol):
    """A data set or benchmark, by its statements."""

    def statements(self) -> Iterator[str]:
        """Yield the text of each problem, as shown to a model; nothing if no other data set can contain it."""
        ...

    def fingerprint(self) -> str:
        """Return the identity of its content, independent of paths."""
        ...


def words(text: str) -> str:
    """Normalise a text to lower-case words with a single space around each (also at both ends)."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return f" {' '.join(_WORD.findall(plain))} "


def readings(statement: str) -> Iterator[str]:
    """Yield the texts that identify a statement: itself and, of code, its docstrings with and without examples."""
    yield statement
    try:
        tree = parse(statement)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring
                yield _EXAMPLES.split(docstring, maxsplit=1)[0]


@dataclass(frozen=True)
class Index:
    """Statements indexed by their first words, so that searching a text takes time linear in its length alone."""

    min_words: int
    whole: frozenset[str]
    by_start: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, statements: Iterable[str], min_words: int) -> "Index":
        """Build the index; ``min_words``: length from which statements are searched inside longer texts, at least 1."""
        if min_words < 1:
            raise ValueError(f"min_words must be 1 or more, got {min_words}")
        texts_by_words = {words(text) for statement in statements for text in readings(statement)} - {words("")}
        starts: dict[str, list[str]] = defaultdict(list)
        for text in sorted(texts_by_words):
            parts = text.split()
            if len(parts) >= min_words:
                starts[" ".join(parts[:min_words])].append(text)
        return cls(min_words, frozenset(texts_by_words), {start: tuple(texts) for start, texts in starts.items()})

    def matches(self, statement: str) -> bool:
        """Return whether a problem's statement equals or contains one of the indexed statements."""
        text = words(statement)
        if text in self.whole:
            return True
        parts = text.split()
        starts = {" ".join(parts[i : i + self.min_words]) for i in range(len(parts) - self.min_words + 1)}
        return any(indexed in text for start in starts for indexed in self.by_start.get(start, ()))


def matcher(benchmarks: Mapping[str, Stated], min_words: int) -> Callable[[str], str | None]:
    """Build a function from a statement to the reason to drop it, which names the first match; None to keep it.

    Raises:
        OSError: the statements of a benchmark cannot be read; says how to proceed without it.
        ValueError: as OSError.
    """
    indexes = {}
    for name, benchmark in benchmarks.items():
        with _remedy(name):
            indexes[name] = Index.of(benchmark.statements(), min_words)

    return partial(stated_in, indexes=indexes)


def stated_in(statement: str, indexes: Mapping[str, Index]) -> str | None:
    """Return the reason to drop a problem, which names the first benchmark that matches; None to keep it."""
    return next((f"stated in {name}" for name, index in indexes.items() if index.matches(statement)), None)


def fingerprints(benchmarks: Mapping[str, Stated]) -> list[tuple[str, str]]:
    """Return name and fingerprint of each benchmark.

    Raises:
        OSError: as ``matcher``.
        ValueError: as ``matcher``.
    """
    named = []
    for name, benchmark in benchmarks.items():
        with _remedy(name):
            named.append((name, benchmark.fingerprint()))
    return named


@contextlib.contextmanager
def _remedy(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        kind = ValueError if isinstance(error, ValueError) else OSError
        cause = str(error).replace("dataset.path", f"dataset.decontaminate.{name}.path")
        raise kind(
            f"the statements of {name}, which must not be trained on, cannot be read: {cause}; or leave it out with "
            f"'~dataset.decontaminate.{name}', or all with dataset.decontaminate=null"
        ) from error
