"""Passing matrices by hand, and with programs that run in the sandbox."""

import pytest

from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.generated_tests.generated_test import GeneratedTest
from conself.generated_tests.passing import columns, distinct_inputs, passing_matrix
from conself.generated_tests.reader import TestReader
from conself.records import Outcome, Problem, Status
from conself.sandbox import UNREADABLE, Job, Limits, execute

BY_VALUE = Comparison(
    list_equals_tuple=True, numbers="by_value", floats="tolerance", float_digits=6, split_whitespace=True
)
BY_TYPE = Comparison(list_equals_tuple=False, numbers="by_type", floats="digits", float_digits=6, split_whitespace=True)
X = Outcome(Status.EXCEPTION, "ValueError")


def ok(*values: str) -> list[Outcome]:
    return [Outcome(Status.OK, value) for value in values]


def case(reply: int, given: str, expected: str | None, index: int = 0) -> GeneratedTest:
    return GeneratedTest("p", reply, index, given, expected)


TESTS = [
    case(0, "(1,)", "2", 0),
    case(0, "(2,)", "4", 1),
    case(1, "(1, )", "2"),  # the first case of reply 0 again, written otherwise
    case(2, "(2,)", "5"),  # contradicts it
    case(3, "(2,)", "5"),
    case(4, "(7,)", None),  # claims nothing
]
INPUTS = ("(1,)", "(2,)", "(7,)")
#       f(1)  f(2)  f(7)
ROWS = [
    ok("2", "4", "0"),
    ok("2", "5", "0"),
    [*ok("2"), X, X],
    [X, X, *ok("14")],
    [X, X, X],
]


def test_inputs_in_order_of_first_appearance() -> None:
    assert distinct_inputs(TESTS, is_stdin=False) == INPUTS
    assert distinct_inputs([case(0, "1 \n", '"a"'), case(1, "1\n", None)], is_stdin=True) == ("1 \n", "1\n")


def test_a_column_is_a_reply() -> None:
    by_reply = columns(TESTS, "reply", is_stdin=False)
    assert by_reply == [tuple(TESTS[:2]), (TESTS[2],), (TESTS[3],), (TESTS[4],)]
    assert passing_matrix(by_reply, INPUTS, ROWS, BY_VALUE, False) == PassingMatrix(
        (
            (True, True, False, False),
            (False, True, True, True),
            (False, True, None, None),  # one case of reply 0 holds, the other crashes
            (None, None, None, None),
            (None, None, None, None),
        )
    )


def test_a_column_is_a_case() -> None:
    by_case = columns(TESTS, "case", is_stdin=False)
    assert by_case == [(TESTS[0],), (TESTS[1],), (TESTS[3],)]
    assert passing_matrix(by_case, INPUTS, ROWS[:3], BY_VALUE, False).cells == (
        (True, True, False),
        (True, False, True),
        (True, None, None),
    )


def test_inputs_may_be_more_and_written_otherwise() -> None:
    rows = [[row[2], row[1], row[0]] for row in ROWS]
    by_reply = columns(TESTS, "reply", is_stdin=False)
    assert passing_matrix(by_reply, ["( 7, )", "(2,)", "(0x1,)"], rows, BY_VALUE, False) == passing_matrix(
        by_reply, INPUTS, ROWS, BY_VALUE, False
    )


def test_equality_is_that_of_the_run() -> None:
    claims = columns([case(0, "(1,)", '{"t":[1,{"f":"2.0"}]}')], "case", False)
    rows = [[outcome] for outcome in ok("[1,2]", '{"t":[true,2]}', '{"t":[1,{"f":"2.0000000001"}]}', "[1,3]")]
    assert passing_matrix(claims, ["(1,)"], rows, BY_VALUE, False).cells == ((True,), (True,), (True,), (False,))
    assert passing_matrix(claims, ["(1,)"], rows, BY_TYPE, False).cells == ((False,), (False,), (True,), (False,))
    printed = columns([case(0, "1\n", '"2  3\\n"')], "case", True)
    assert passing_matrix(printed, ["1\n"], [ok('"2 3"'), ok('"23"')], BY_VALUE, True).cells == ((True,), (False,))


def test_what_cannot_be_read_passes_nothing() -> None:
    lock = f'{UNREADABLE}"lock"}}'
    tests = columns([case(0, "(1,)", lock)], "case", False)
    assert passing_matrix(tests, ["(1,)"], [ok(lock), [X]], BY_VALUE, False).cells == ((False,), (None,))


def test_nothing_to_pass() -> None:
    assert columns([case(0, "(1,)", None)], "reply", False) == []
    assert passing_matrix([], ["(1,)"], [ok("1"), ok("2")], BY_VALUE, False) == PassingMatrix(((), ()))
    assert passing_matrix(columns(TESTS, "case", False), INPUTS, [], BY_VALUE, False) == PassingMatrix(())


def test_what_was_not_executed() -> None:
    with pytest.raises(ValueError, match=r"problem p: the input of test 1 of reply 0 was not executed"):
        passing_matrix(columns(TESTS, "reply", False), ["(1,)"], [ok("1")], BY_VALUE, False)
    with pytest.raises(ValueError, match="candidate 1 has 1 outcomes for 3 inputs"):
        passing_matrix(columns(TESTS, "reply", False), INPUTS, [ROWS[0], ok("1")], BY_VALUE, False)
    with pytest.raises(ValueError, match=r"tests\.column must be reply or case, got 'row'"):
        columns(TESTS, "row", False)


LIMITS = Limits(cpu_seconds=1.0, wall_seconds=10.0, memory_mb=512, output_kb=64, max_timeouts=1)


def test_from_a_reply_to_a_matrix() -> None:
    """Claims have the form of what the sandbox records, of calls as of standard output."""
    reader = TestReader(max_cases=5, max_literal_bytes=4096)
    call = Problem("p", "", "def f(xs):\n", "f", (), "", "")
    replies = [
        "assert f([3, 1]) == (1, 3)\nassert f([]) is None",
        "f([2, 2]) == {2}",
        "f(['é']) == ['é', 1.5, {1: b'a'}]",
    ]
    tests = [test for number, text in enumerate(replies) for test in reader.of_reply(call, number, text).tests]
    programs = (
        "def f(xs):\n    return sorted(xs) or None",
        "def f(xs):\n    return [*xs, 1.5, {1: b'a'}] if xs else None",
        "def f(xs):\n    return set(xs)",
        "def f(xs): raise TypeError",
    )
    inputs = distinct_inputs(tests, is_stdin=False)
    (result,) = execute([Job("p", programs, "f", inputs)], LIMITS, workers=1)
    matrix = passing_matrix(columns(tests, "reply", False), inputs, result.rows, BY_VALUE, False)
    assert matrix.cells == (
        (True, False, False),
        (False, False, True),
        (False, True, False),
        (None, None, None),
    )

    stdin = Problem("q", "", "", None, (), "", "")
    text = '[{"input": "2 3\\n", "expected": "5"}, {"input": "1 1", "expected": "2\\n"}]'
    tests = list(reader.of_reply(stdin, 0, text).tests)
    inputs = distinct_inputs(tests, is_stdin=True)
    adds = ("print(sum(map(int, input().split())))", "print(5)", None)
    (result,) = execute([Job("q", adds, None, inputs)], LIMITS, workers=1)
    matrix = passing_matrix(columns(tests, "case", True), inputs, result.rows, BY_VALUE, True)
    assert matrix.cells == ((True, True), (True, False), (None, None))
