"""The rules that a training problem must pass (docs/method.md#taco): pure functions."""

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
    """Selects problems of a data set in APPS' format, and their tests.

    Args:
        max_pairs: the number of input/output pairs that a problem keeps, the first ones.
        max_length: the longest input or output, in characters, of problems with many pairs.
        length_counts_from: the number of pairs from which longer ones are dropped (before the first ``max_pairs`` are
            taken); with fewer, pairs of any length are kept.
        picture_marks: texts that indicate a picture in a statement, for data sets that don't count pictures.
    """

    max_pairs: int
    max_length: int
    length_counts_from: int
    picture_marks: Sequence[str]

    def __post_init__(self) -> None:
        if min(self.max_pairs, self.max_length, self.length_counts_from) < 1:
            raise ValueError("max_pairs, max_length and length_counts_from of dataset.preprocessing must be 1 or more")

    def convert(self, row: Row, name: str, source: str) -> Record:
        """Convert a row to a problem and the expected outputs of exactly the inputs that it keeps.

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
    """Return whether a statement has pictures: by the data set's count (``"2"``; empty or absent: none), or by a mark.

    Raises:
        ValueError: the number of pictures is no number.
    """
    try:
        counted = float(str(count)) if count not in (None, "", "None") else 0.0
    except ValueError as error:
        raise ValueError(f"picture_num {count!r} is no number") from error
    return counted > 0 or any(mark in statement for mark in marks)


def lacks_name(starter_code: str, entry_point: str | None) -> bool:
    """Return whether there is starter code but no name of the function to call."""
    return bool(starter_code.strip()) and entry_point is None


def chosen_pairs(pairs: Sequence[Pair], most: int, longest: int, counts_from: int) -> list[Pair]:
    """Choose the first ``most`` pairs; from ``counts_from`` pairs on, only those of at most ``longest`` characters."""
    if len(pairs) >= counts_from:
        pairs = [pair for pair in pairs if pair.length <= longest]
    return list(pairs[:most])
