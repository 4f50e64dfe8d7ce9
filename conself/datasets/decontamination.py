"""Which training problems state a problem of an evaluation benchmark.

Two statements are compared as sequences of words: case, punctuation, white space and the variants of Unicode do not
count (``words``). A problem matches a benchmark's statement

- if the two are the same words, or
- if the statement, of at least ``min_words`` words, stands in the problem as a whole: a title, a story, or a format of
  input and output may have been put around it. A shorter one stands in many texts by chance.

A statement that is Python code, as HumanEval's prompts are, also counts by its docstrings, whole and without their
examples, for that is what a text that quotes it would have.
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
    """A data set or benchmark, as far as its statements go."""

    def statements(self) -> Iterator[str]:
        """The text of each problem, as a model is shown it; none for one that no other can hold."""
        ...

    def fingerprint(self) -> str:
        """Identity of its content, the same wherever that lies."""
        ...


def words(text: str) -> str:
    """The words of a text, lower-case, with a single space around each (also at both ends)."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return f" {' '.join(_WORD.findall(plain))} "


def readings(statement: str) -> Iterator[str]:
    """The texts by which a statement can be known: itself; of code its docstrings, with and without examples."""
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
    """Statements by their first words, so that a text is searched in time that grows with its own length alone."""

    min_words: int
    whole: frozenset[str]
    by_start: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, statements: Iterable[str], min_words: int) -> "Index":
        """``min_words``: length from which a statement is looked for inside longer texts; at least 1."""
        if min_words < 1:
            raise ValueError(f"min_words must be 1 or more, got {min_words}")
        known = {words(text) for statement in statements for text in readings(statement)} - {words("")}
        starts: dict[str, list[str]] = defaultdict(list)
        for text in sorted(known):
            parts = text.split()
            if len(parts) >= min_words:
                starts[" ".join(parts[:min_words])].append(text)
        return cls(min_words, frozenset(known), {start: tuple(texts) for start, texts in starts.items()})

    def matches(self, statement: str) -> bool:
        """Whether a problem's statement is, or holds, one of the known statements."""
        text = words(statement)
        if text in self.whole:
            return True
        parts = text.split()
        starts = {" ".join(parts[i : i + self.min_words]) for i in range(len(parts) - self.min_words + 1)}
        return any(known in text for start in starts for known in self.by_start.get(start, ()))


def matcher(benchmarks: Mapping[str, Stated], min_words: int) -> Callable[[str], str | None]:
    """From a statement to the reason to drop it, which names the first benchmark that has it; None to keep it.

    Raises:
        OSError: the statements of a benchmark cannot be read; says how to go on without it.
        ValueError: as OSError.
    """
    indexes = {}
    for name, benchmark in benchmarks.items():
        with _remedy(name):
            indexes[name] = Index.of(benchmark.statements(), min_words)

    return partial(stated_in, indexes=indexes)


def stated_in(statement: str, indexes: Mapping[str, Index]) -> str | None:
    """The reason to drop a problem, which names the first benchmark whose statements match; None to keep it."""
    return next((f"stated in {name}" for name, index in indexes.items() if index.matches(statement)), None)


def fingerprints(benchmarks: Mapping[str, Stated]) -> list[tuple[str, str]]:
    """Name and content of each benchmark.

    Raises:
        OSError: as ``matcher``.
        ValueError: as ``matcher``.
    """
    found = []
    for name, benchmark in benchmarks.items():
        with _remedy(name):
            found.append((name, benchmark.fingerprint()))
    return found


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
