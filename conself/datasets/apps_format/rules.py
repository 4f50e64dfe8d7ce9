"""The rules that a training problem must pass (docs/method.md#taco): pure functions, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from conself.datasets.apps_format.pairs import Pair, read_pairs
from conself.datasets.apps_format.rows import Record, text
from conself.datasets.files.rows import Row
from conself.datasets.validation import Rejected
from conself.oracles import AppsOracle, WrappedAppsOracle
from conself.records import Problem

PICTURES = "pictures in the statement"
NO_INPUTS = "no inputs"
NO_NAME = "starter code but no function name"
ALL_LONG = "every input/output pair is too long"


@dataclass(frozen=True)
class Preprocessing:
    """Which problems of a data set in APPS' format are kept, and with which tests.

    Args:
        max_pairs: a problem keeps its first so many input/output pairs.
        max_length: longest input or output, in characters, where a problem has many pairs.
        length_counts_from: with so many pairs or more, longer ones are dropped (before the first ``max_pairs`` are
            taken); with fewer, pairs of any length stay.
        picture_marks: texts that stand for a picture in a statement, for data sets that don't count pictures.
    """

    max_pairs: int
    max_length: int
    length_counts_from: int
    picture_marks: Sequence[str]

    def __post_init__(self) -> None:
        if min(self.max_pairs, self.max_length, self.length_counts_from) < 1:
            raise ValueError("max_pairs, max_length and length_counts_from of dataset.preprocessing must be 1 or more")

    def convert(self, row: Row, name: str, source: str) -> Record:
        """The problem of a row and its expected outputs, for exactly the inputs that it keeps.

        Raises:
            ValueError: a field of the row is missing or malformed.
        """
        statement, starter_code = text(row, "question"), text(row, "starter_code")
        if has_pictures(statement, row.get("picture_num"), self.picture_marks):
            return Rejected(name, PICTURES)
        entry_point, pairs = read_pairs(row.get("input_output"), starter_code)
        if not pairs:
            return Rejected(name, NO_INPUTS)
        if lacks_name(starter_code, entry_point):
            return Rejected(name, NO_NAME)
        kept = chosen_pairs(pairs, self.max_pairs, self.max_length, self.length_counts_from)
        if not kept:
            return Rejected(name, ALL_LONG)
        inputs = tuple(pair.input for pair in kept)
        problem = Problem(name, statement, starter_code, entry_point, inputs, source, text(row, "difficulty"))
        oracle = WrappedAppsOracle if kept[0].wrapped else AppsOracle
        return problem, oracle(name, tuple(pair.expected for pair in kept))


def has_pictures(statement: str, count: object, marks: Sequence[str]) -> bool:
    """Whether a statement has pictures: by the number that the data set gives (``"2"``; empty or absent: none), or by
    one of ``marks`` in it.

    Raises:
        ValueError: the number of pictures is no number.
    """
    try:
        counted = float(str(count)) if count not in (None, "", "None") else 0.0
    except ValueError as error:
        raise ValueError(f"picture_num {count!r} is no number") from error
    return counted > 0 or any(mark in statement for mark in marks)


def lacks_name(starter_code: str, entry_point: str | None) -> bool:
    """Whether there is code to complete but nothing says which function is called."""
    return bool(starter_code.strip()) and entry_point is None


def chosen_pairs(pairs: Sequence[Pair], most: int, longest: int, counts_from: int) -> list[Pair]:
    """At most ``most`` pairs, in order; where there are ``counts_from`` or more, those of at most ``longest`` chars."""
    if len(pairs) >= counts_from:
        pairs = [pair for pair in pairs if pair.length <= longest]
    return list(pairs[:most])
