"""What of a reply, or of a pool's line, is a test."""

import json
from ast import literal_eval
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.generated_tests.generated_test import ReadTests, Reason
from conself.generated_tests.reader import TestReader, input_key
from conself.records import Problem
from conself.sandbox import canonical

READER = TestReader(max_cases=5, max_literal_bytes=4096)


def problem(starter_code: str = "", entry_point: str | None = "f") -> Problem:
    return Problem("p", "", starter_code, entry_point, (), "", "")


TWO = problem("def f(a, b=0):\n    ...\n")
STDIN = problem(entry_point=None)


def cases(read: ReadTests) -> list[tuple[str, str | None]]:
    return [(test.input, test.expected) for test in read.tests]


def reply(text: str, of: Problem = TWO) -> list[tuple[str, str | None]]:
    return cases(READER.of_reply(of, 0, text))


def rejected(text: str, of: Problem = TWO) -> dict[Reason, int]:
    read = READER.of_reply(of, 0, text)
    assert not read.tests
    return dict(read.rejected)


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("assert f(1, 2) == 3", ("(1, 2)", "3")),
        ("assert f(1, 2) == 3, 'sum'  # of two", ("(1, 2)", "3")),
        ("    assert(3 == f(1,2))", ("(1, 2)", "3")),
        ("f('a', [1]) == (1, 2.5)", ("('a', [1])", '{"t":[1,{"f":"2.5"}]}')),
        ("- f(1) == {1: {2}}", ("(1,)", '{"d":[[1,{"s":[2]}]]}')),
        ("3. `f(-1) == None`", ("(-1,)", "null")),
        ("assert f(1) is True", ("(1,)", "true")),
        ("assert None is f(1)", ("(1,)", "null")),
        ("assert Solution().f(1, b=2) == 3", ("(1, 2)", "3")),
        ("assert f(b=2, a=1) == 3", ("(1, 2)", "3")),
        ("assert f(\n    [1,\n     2],\n    0\n) == 3", ("([1, 2], 0)", "3")),
        ("assert (\n    f(1) == 2\n)", ("(1,)", "2")),
        ("assert \n    f(1) == 2, 'no Python, but plain'\nassert", ("(1,)", "2")),
        ("assert f(1) == \\\n  2", ("(1,)", "2")),
        ("assert f(1e999, set()) == 1j", ("(1e309, set())", '{"c":["0.0","1.0"]}')),
        ("Sure!\n```python\nimport f\nx = f(9)\nassert f(1) == 2\n```\nf is tested.", ("(1,)", "2")),
        ("assert f(1) == '\\d'", ("(1,)", '"\\\\d"')),  # CPython warns of it, and nobody hears
    ],
)
def test_a_statement(text: str, case: tuple[str, str]) -> None:
    assert reply(text) == [case]
    assert not READER.of_reply(TWO, 0, text).rejected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.NO_TESTS),
        ("def f(a, b):\n    return f(a)", Reason.NO_TESTS),
        ("I cannot assert f(1) == 2 here.", Reason.NO_TESTS),
        ("assert f(1) == ", Reason.NO_PYTHON),
        ("f(1) should be 2", Reason.NO_PYTHON),
        ("assert f(" + "(" * 300 + "1" + ")" * 300 + ") == 1", Reason.NO_PYTHON),
        ("assert f(" + "-" * 9000 + "1) == 1", Reason.NO_PYTHON),
        ("assert True", Reason.NO_EQUALITY),
        ("assert f(1)", Reason.NO_EQUALITY),
        ("assert not f(1)", Reason.NO_EQUALITY),
        ("assert f(1) != 2", Reason.NO_EQUALITY),
        ("assert f(1) == 2 == 2", Reason.NO_EQUALITY),
        ("assert f(1) == 2 and f(2) == 3", Reason.NO_EQUALITY),
        ("assert f(1) is 2", Reason.NO_EQUALITY),
        ("assert x == 2", Reason.NO_EQUALITY),
        ("assert g(1) == 2", Reason.OTHER_CALL),
        ("assert sorted(f(1)) == [2]", Reason.OTHER_CALL),
        ("assert f(x) == 2", Reason.INPUT_NO_LITERAL),
        ("assert f([1] * 3) == 2", Reason.INPUT_NO_LITERAL),
        ("assert f(*[1, 2]) == 2", Reason.INPUT_NO_LITERAL),
        ("assert f({[1]: 2}) == 2", Reason.INPUT_NO_LITERAL),
        ("assert f(1) == __import__('os').system('true')", Reason.OUTPUT_NO_LITERAL),
        ("assert f(1) == 2 ** 9", Reason.OUTPUT_NO_LITERAL),
        ("assert f(1) == f(2)", Reason.OUTPUT_NO_LITERAL),
        ("assert f(1) == f'{1}'", Reason.OUTPUT_NO_LITERAL),
        ("assert f() == 2", Reason.ARITY),
        ("assert f(1, 2, 3) == 2", Reason.ARITY),
        ("assert f(1, c=3) == 2", Reason.ARITY),
        ("assert f(1, **{'b': 3}) == 2", Reason.ARITY),
        (f"assert f('{'a' * 4096}') == 2", Reason.TOO_LONG),
        (f"assert f(1) == '{'é' * 2048}'", Reason.TOO_LONG),  # two bytes each
        ("assert f(1) == " + "[" * 150 + "]" * 150, Reason.TOO_DEEP),
        ("assert f(" + "[" * 150 + "]" * 150 + ") == 1", Reason.TOO_DEEP),
    ],
)
def test_no_test(text: str, reason: Reason) -> None:
    assert rejected(text) == {reason: 1}


def test_good_and_bad_ones_of_a_reply() -> None:
    text = """
assert f(1) == 2
assert f( 1, ) == 2          # again
assert f(1) == 3             # contradicts it, and stays
assert f(True) == 2          # another input
assert f(1)
assert f(2) == {}
assert f(3) == {}
assert f(4) == {}
assert f(5) == """
    read = READER.of_reply(TWO, 7, text)
    assert cases(read) == [("(1,)", "2"), ("(1,)", "3"), ("(True,)", "2"), ("(2,)", '{"d":[]}'), ("(3,)", '{"d":[]}')]
    assert read.rejected == {Reason.REPEATED: 1, Reason.NO_EQUALITY: 1, Reason.TOO_MANY: 1, Reason.NO_PYTHON: 1}
    assert [(test.problem_id, test.reply, test.index) for test in read.tests] == [("p", 7, place) for place in range(5)]


@pytest.mark.parametrize(
    "text",
    [
        '[{"input": [1, [2]], "expected": null}, {"input": [true], "output": "a"}, {"input": [3]}]',
        'In all [3] tests:\n```json\n[\n  {"input": [1, [2]], "output": null},\n  {"input": [true], "output": "a"},\n'
        '  {"input": [3]}]\n```\nAs assert f(9) == 9.',
        "[{'input': (1, [2]), 'expected': None}, {'input': [True], 'expected': 'a'}, {'input': (3,)}] Done.",
        'cases = [{"input": {"py": "(1, [2])"}, "expected": {"py": "None"}}, {"input": [true], "expected": "a"}, '
        '{"input": [3]}]',
    ],
)
def test_a_list_of_objects(text: str) -> None:
    assert reply(text) == [("(1, [2])", "null"), ("(True,)", '"a"'), ("(3,)", None)]


ONE = problem("def f(values):\n    ...\n")


@pytest.mark.parametrize("claim", ["false", "False"])  # JSON, and Python
@pytest.mark.parametrize(
    ("inputs", "calls"),
    [
        (["[[1, 2]]", "[[3]]"], ["([1, 2],)", "([3],)"]),  # as asked: a list of the one argument
        (["[1, 2]", "[3]", "[]"], ["([1, 2],)", "([3],)", "([],)"]),  # the argument itself, so the second one is, too
        (["[]", "[1, 1]", "[[1]]"], ["([],)", "([1, 1],)", "([[1]],)"]),
        (['"abc"', '""', '["a"]'], ["('abc',)", "('',)", "(['a'],)"]),
        (["5", "-7.5"], ["(5,)", "(-7.5,)"]),
        (['{"a": 1}', '{"py": 2, "b": 3}'], ["({'a': 1},)", "({'py': 2, 'b': 3},)"]),
        (["[[1, 2]]", "[[3]]", "[4, 5, 6]", "[]"], ["([1, 2],)", "([3],)"]),  # most are as asked; the others are bad
        (["[3]", "[4]", "0"], ["(3,)", "(4,)"]),
        (["[3]", "0"], ["(3,)"]),
    ],
)
def test_the_only_argument_may_stand_without_its_list(inputs: list[str], calls: list[str], claim: str) -> None:
    """As Qwen2.5-Coder-0.5B writes four of five of its tests of such functions."""
    items = ",\n ".join(f'{{"input": {text}, "expected": {claim}}}' for text in inputs)
    assert reply(f"```json\n[{items}]\n```", ONE) == [(call, "false") for call in calls]


def test_what_is_quoted_is_no_argument_and_what_cannot_be_read_has_no_say() -> None:
    quoted = (
        '[{"input": {"py": "({1, 2},)"}, "expected": 1}, {"input": 1, "expected": 2}, {"input": 2, "expected": %s}]'
    )
    assert reply(quoted % "3", ONE) == [("({1, 2},)", "1"), ("(1,)", "2"), ("(2,)", "3")]
    assert reply(quoted % "None", ONE) == [("(1,)", "2"), ("(2,)", "null")], "Python has no such quotes"
    unread = '[{"input": [[0] * 9], "expected": 1}, {"input": n, "expected": 1}, {"input": [[7]], "expected": True}]'
    assert reply(unread, ONE) == [("([7],)", "true")]


def test_a_text_is_no_argument_of_a_parameter_for_something_else() -> None:
    text = '[{"input": "[1, 2]", "expected": 1}, {"input": [3, 4], "expected": 2}]'
    assert reply(text, problem("def f(values: list[int]) -> int: ...")) == [("([3, 4],)", "2")]
    assert reply(text, problem("class Solution:\n    def f(self, s: str) -> int: ..."))[0] == ("('[1, 2]',)", "1")
    assert reply(text, ONE)[0] == ("('[1, 2]',)", "1"), "nobody says what it takes"


@pytest.mark.parametrize("starter", ["def f(values=None): ...", "def f(*values): ...", "def f(*, values): ...", ""])
def test_functions_that_may_take_other_numbers_of_arguments_need_their_list(starter: str) -> None:
    assert ("([1, 2],)", "1") not in reply('[{"input": [1, 2], "expected": 1}]', problem(starter))


def test_two_arguments_need_their_list() -> None:
    text = '[{"input": [1, 2, 3], "expected": 1}, {"input": "ab", "expected": 1}, {"input": [1, 2], "expected": 3}]'
    read = READER.of_reply(TWO, 0, text)
    assert cases(read) == [("(1, 2)", "3")]
    assert read.rejected == {Reason.ARITY: 1, Reason.INPUT_NO_LITERAL: 1}
    assert reply('[{"input": [1, 2], "expected": 1}]', problem("def f(*values): ...")) == [("(1, 2)", "1")]


def test_bad_ones_of_a_list() -> None:
    values = [{"input": 1}, {"input": {"py": "[1]"}}, {"input": {"py": "x"}}, {"input": [1, 2, 3]}, {"in": 1}, 4]
    values += [{"input": [1], "expected": {"py": "1 +"}}, {"input": [1], "expected": {"py": "g()"}}]
    assert rejected(json.dumps(values) + "\nassert f(1) == 2") == {
        Reason.INPUT_NO_LITERAL: 3,
        Reason.OUTPUT_NO_LITERAL: 2,
        Reason.ARITY: 1,
        Reason.NO_OBJECT: 2,
    }
    assert rejected('[{"input": [NaN], "expected": 1}, {"input": [1], "expected": [') == {Reason.NO_TESTS: 1}
    assert rejected('[{"input": [NaN], "expected": 1}]') == {Reason.INPUT_NO_LITERAL: 1}  # no literal stands for it
    assert reply('[{"input": [Infinity], "expected": NaN}]') == [("(1e999,)", '{"f":"nan"}')]


def test_standard_input() -> None:
    text = json.dumps([{"input": "2 3\n", "expected": "5\n"}, {"input": "", "expected": ""}, {"input": "1"}])
    assert reply(text, STDIN) == [("2 3\n", '"5\\n"'), ("", '""'), ("1", None)]
    bad = [{"input": [2], "expected": "5"}, {"input": "2", "expected": 5}, {"input": "a" * 4097, "expected": ""}]
    assert rejected(json.dumps([*bad, {"input": "\ud800", "expected": ""}]), STDIN) == {
        Reason.INPUT_NO_LITERAL: 1,
        Reason.OUTPUT_NO_LITERAL: 1,
        Reason.TOO_LONG: 1,
        Reason.NO_UTF8: 1,
    }
    assert rejected("assert f(1) == 2", STDIN) == {Reason.NO_TESTS: 1}


def test_a_line_of_a_pool() -> None:
    items = [
        {"input": [1, 2], "expected": 3},
        {"input": [1, 2], "expected": 3},  # equal tests stay
        {"input": [], "expected": 3},
        {"input": {"py": "({1, 2},)"}, "expected": {"py": "(1,)"}},
        "assert f(1) == 2",
    ]
    read = READER.of_line(TWO, items)
    assert [(t.reply, t.index, t.input, t.expected) for t in read.tests] == [
        (0, 0, "(1, 2)", "3"),
        (1, 0, "(1, 2)", "3"),
        (3, 0, "({1, 2},)", '{"t":[1]}'),
    ]
    assert read.rejected == {Reason.ARITY: 1, Reason.NO_OBJECT: 1}
    assert READER.of_line(TWO, []) == ReadTests((), {})


@pytest.mark.parametrize(
    ("starter_code", "takes", "refuses"),
    [
        ("", "f()", "f(a=1)"),  # unknown: anything by position
        ("def g(a): ...", "f(1, 2)", "f(a=1)"),
        ("def f(a:\n", "f(1, 2)", "f(a=1)"),  # no Python
        ("def f(a, a): ...", "f(1)", "f(a=1)"),  # no function either
        ("def f(a: int) -> int:\n    ", "f(1)", "f(1, 2)"),  # the body is missing
        ("class Solution:\n    def f(self, a: List[int]) -> int:\n        ", "f([1])", "f(1, 2)"),
        ("class Solution:\n    @staticmethod\n    def f(a): ...", "f([1])", "f()"),
        ("async def f(*a): ...", "f(1, 2, 3)", "f(a=1)"),
        ("def f(a, /, b, c=1): ...", "f(1, c=2, b=3)", "f(a=1, b=2)"),
        ("def f(a, *, b=1): ...", "f(1)", "f(1, b=2)"),  # inputs are positional
        ("def f(a, **k): ...", "f(1)", "f(1, b=2)"),
        ("def f(a=1, b=2): ...", "f(a=3)", "f(b=3)"),  # a gap: the default may be no literal
    ],
)
def test_signatures(starter_code: str, takes: str, refuses: str) -> None:
    of = problem(starter_code)
    assert len(reply(f"assert {takes} == 1", of)) == 1
    assert rejected(f"assert {refuses} == 1", of) == {Reason.ARITY: 1}


@pytest.mark.parametrize("name", ["max_cases", "max_literal_bytes"])
def test_settings_that_mean_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=rf"tests\.{name} must be at least 1, got 0"):
        TestReader(**{"max_cases": 5, "max_literal_bytes": 4096, name: 0})


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(values, values)
def test_what_python_writes_is_read(given_value: object, claim: object) -> None:
    text = f"assert f({given_value!r}) == {claim!r}".replace("inf", "1e999")
    ((given_text, expected),) = reply(text)
    assert expected == canonical(literal_eval(repr(claim).replace("inf", "1e999")))
    assert input_key(given_text, is_stdin=False) == canonical(
        (literal_eval(repr(given_value).replace("inf", "1e999")),)
    )


@given(st.text(st.sampled_from("f(1)=, []{}'\"\n`assert :input\\#"), max_size=200))
def test_no_text_fails(text: str) -> None:
    read = READER.of_reply(TWO, 0, text)
    assert len(read.tests) <= 5
    assert bool(read.tests) or read.rejected


@pytest.mark.parametrize("text", ["[{" * 20_000, "assert f(\n" * 5_000, "f(" * 20_000, "f(1,\n" * 10_000, "(" * 50_000])
def test_hostile_texts_are_given_up(text: str) -> None:
    """Each in less than 5 s of CPU time; the fourth took 97 s before there was a limit."""
    start = process_time()
    assert not READER.of_reply(TWO, 0, text).tests
    assert process_time() - start < 5
