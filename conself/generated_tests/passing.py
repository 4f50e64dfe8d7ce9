"""Compute which candidate passes which generated test, from the candidates' outcomes and the tests' claims."""

from collections.abc import Iterable, Mapping, Sequence

from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.generated_tests.generated_test import GeneratedTest
from conself.generated_tests.reader import input_key
from conself.records import Outcome, Status

COLUMNS = ("reply", "case")
"""The units that can be columns of a passing matrix."""

Column = tuple[GeneratedTest, ...]
"""The tests that must all hold."""


def distinct_inputs(tests: Iterable[GeneratedTest], is_stdin: bool) -> tuple[str, ...]:
    """List the distinct inputs of the tests, to be executed, in order of first appearance and as written there."""
    inputs: dict[str, str] = {}
    for test in tests:
        inputs.setdefault(input_key(test.input, is_stdin), test.input)
    return tuple(inputs.values())


def columns(tests: Iterable[GeneratedTest], column: str, is_stdin: bool) -> list[Column]:
    """Arrange the tests of a problem as columns of its passing matrix, in order of first appearance.

    Args:
        tests: of one problem; those without a claim are in no column.
        column: ``reply``: a column holds the tests of one reply, and equal replies have separate columns, because their
            number is evidence. ``case``: a column is a distinct pair of an input and a claim. Contradicting claims are
            kept, in separate columns.
        is_stdin: whether inputs are texts for standard input.

    Raises:
        ValueError: ``column`` is another word.
    """
    if column not in COLUMNS:
        raise ValueError(f"tests.column must be {' or '.join(COLUMNS)}, got {column!r}")
    claiming = [test for test in tests if test.expected is not None]
    groups: dict[object, list[GeneratedTest]] = {}
    for test in claiming:
        groups.setdefault(test.reply if column == "reply" else case_of(test, is_stdin), []).append(test)
    return [tuple(group if column == "reply" else group[:1]) for group in groups.values()]


def case_of(test: GeneratedTest, is_stdin: bool) -> tuple[str, str | None]:
    """Return the key by which tests are equal: their input in canonical form, and their claim."""
    return input_key(test.input, is_stdin), test.expected


def passing_matrix(
    columns: Sequence[Column],
    inputs: Sequence[str],
    rows: Sequence[Sequence[Outcome]],
    comparison: Comparison,
    is_stdin: bool,
) -> PassingMatrix:
    """Compute which of K candidates passes which of M columns.

    Outputs and claims of an input are compared together, so that candidates whose outputs are equal pass the same
    tests. A value that cannot be read equals no claim. A cell is True if all tests of the column hold, None if the
    candidate crashes on all of them, and False otherwise; so a candidate has a row of None exactly if it crashes on
    every tested input.

    Args:
        columns: M of them, see :func:`columns`.
        inputs: the executed inputs, including those of the columns, in any spelling.
        rows: K candidates' outcomes, one for each of ``inputs``.
        comparison: decides whether an output equals the claimed one.
        is_stdin: whether inputs are texts for standard input.

    Raises:
        ValueError: a test's input was not executed, or a candidate has not one outcome per input.
    """
    for number, row in enumerate(rows):
        if len(row) != len(inputs):
            raise ValueError(f"candidate {number} has {len(row)} outcomes for {len(inputs)} inputs; execute all again")
    places = {input_key(text, is_stdin): place for place, text in enumerate(inputs)}
    tested = [[(_place(test, places, is_stdin), str(test.expected)) for test in column] for column in columns]
    claims: dict[int, set[str]] = {}
    for place, expected in (test for column in tested for test in column):
        claims.setdefault(place, set()).add(expected)
    keys = {place: _keys(place, rows, values, comparison, is_stdin) for place, values in claims.items()}

    def passes(row: Sequence[Outcome], place: int, expected: str) -> bool | None:
        if row[place].status is not Status.OK:
            return None
        output = keys[place][row[place].value]
        return output is not None and output == keys[place][expected]

    return PassingMatrix(
        tuple(tuple(_all([passes(row, *test) for test in column]) for column in tested) for row in rows)
    )


def _place(test: GeneratedTest, places: Mapping[str, int], is_stdin: bool) -> int:
    place = places.get(input_key(test.input, is_stdin))
    if place is None:
        raise ValueError(
            f"problem {test.problem_id}: the input of test {test.index} of reply {test.reply} was not executed; "
            "execute the inputs of all its tests"
        )
    return place


def _keys(
    place: int, rows: Sequence[Sequence[Outcome]], claims: Iterable[str], comparison: Comparison, is_stdin: bool
) -> dict[str, str | None]:
    """Compute the comparison keys of all outputs and claims on one input."""
    outputs = (row[place].value for row in rows if row[place].status is Status.OK)
    values = sorted({*outputs, *claims})
    return dict(zip(values, comparison.keys(values, is_stdin), strict=True))


def _all(cells: Sequence[bool | None]) -> bool | None:
    return None if all(cell is None for cell in cells) else all(cells)
