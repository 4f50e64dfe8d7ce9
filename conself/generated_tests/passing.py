"""Which candidate passes which generated test: a pure function of what candidates did and what tests claim."""

from collections.abc import Iterable, Mapping, Sequence

from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.generated_tests.generated_test import GeneratedTest
from conself.generated_tests.reader import input_key
from conself.records import Outcome, Status

COLUMNS = ("reply", "case")
"""What a column of a passing matrix can be."""

Column = tuple[GeneratedTest, ...]
"""The tests that must all hold."""


def distinct_inputs(tests: Iterable[GeneratedTest], is_stdin: bool) -> tuple[str, ...]:
    """Each input of the tests once, in order of first appearance, as it is written there: what is to be executed."""
    inputs: dict[str, str] = {}
    for test in tests:
        inputs.setdefault(input_key(test.input, is_stdin), test.input)
    return tuple(inputs.values())


def columns(tests: Iterable[GeneratedTest], column: str, is_stdin: bool) -> list[Column]:
    """The tests of a problem as columns of its passing matrix, in the order of first appearance.

    Args:
        tests: of one problem; those that claim nothing are in no column.
        column: ``reply``: the tests of a reply are one, and equal replies are as many columns as there are, for their
            number is evidence. ``case``: each distinct pair of an input and a claim is one. Claims that contradict one
            another stay, in columns of their own.
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
    """What makes two tests equal: their input in canonical form, and what they claim."""
    return input_key(test.input, is_stdin), test.expected


def passing_matrix(
    columns: Sequence[Column],
    inputs: Sequence[str],
    rows: Sequence[Sequence[Outcome]],
    comparison: Comparison,
    is_stdin: bool,
) -> PassingMatrix:
    """Which of K candidates passes which of M columns.

    Outputs and claims of an input are compared together, so that candidates whose outputs are equal pass the same
    tests. A value that cannot be read equals no claim. A cell is True where all tests of the column hold, None where
    the candidate crashes on all of them, and False otherwise; so a candidate has a row of None exactly where it crashes
    on every input that is tested.

    Args:
        columns: M of them, see :func:`columns`.
        inputs: what was executed, among them the columns' inputs, in whatever way they are written.
        rows: K candidates' outcomes, one for each of ``inputs``.
        comparison: when an output is the one that is claimed.
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
    """The comparison keys of all that was given and claimed on one input."""
    given = (row[place].value for row in rows if row[place].status is Status.OK)
    values = sorted({*given, *claims})
    return dict(zip(values, comparison.keys(values, is_stdin), strict=True))


def _all(cells: Sequence[bool | None]) -> bool | None:
    return None if all(cell is None for cell in cells) else all(cells)
