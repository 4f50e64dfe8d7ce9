"""Every mutation operator by hand, and what a draw keeps to."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.mutators.mutants import mutants


def everything(code: str, entry_point: str | None = "f") -> list[str]:
    return list(mutants(code, entry_point, 1000, 0))


def expressions(text: str) -> list[str]:
    """All that ``return <text>`` can become."""
    head = "def f(a, b, c):\n    return "
    found = everything(head + text)
    assert all(mutant.startswith(head) for mutant in found)
    return [mutant.removeprefix(head) for mutant in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # numbers, and what is none
        ("7", ["8"]),
        ("1.5", ["2.5"]),
        ("2j", ["(1+2j)"]),
        ("10 ** a", ["10 * a", "11 ** a"]),
        ("1e999", []),  # one more is the same
        ("None", []),
        ("...", []),
        ("b'x'", []),
        # texts
        ("'x'", ["'XXxXX'"]),
        ("''", ["'XXXX'"]),
        ("f'x{a:>3}'", ["f'XXxXX{a:>3}'"]),  # the format is no text
        # truth
        ("True", ["False"]),
        ("False", ["True"]),
        # comparisons
        ("a < b", ["a <= b"]),
        ("a <= b", ["a < b"]),
        ("a > b", ["a >= b"]),
        ("a >= b", ["a > b"]),
        ("a == b", ["a != b"]),
        ("a != b", ["a == b"]),
        ("a in b", ["a not in b"]),
        ("a not in b", ["a in b"]),
        ("a is b", ["a is not b"]),
        ("a is not b", ["a is b"]),
        ("a < b == c", ["a <= b == c", "a < b != c"]),
        # arithmetic and bits
        ("a + b", ["a - b"]),
        ("a - b", ["a + b"]),
        ("a * b", ["a / b"]),
        ("a / b", ["a * b"]),
        ("a // b", ["a / b"]),
        ("a % b", ["a / b"]),
        ("a ** b", ["a * b"]),
        ("a << b", ["a >> b"]),
        ("a >> b", ["a << b"]),
        ("a & b", ["a | b"]),
        ("a | b", ["a & b"]),
        ("a ^ b", ["a & b"]),
        ("a @ b", []),
        ("a - b - c", ["a - b + c", "a + b - c"]),
        # and, or
        ("a and b", ["a or b"]),
        ("a or b or c", ["a and b and c"]),
        # one operator before an operand
        ("not a", ["a"]),
        ("-a", ["a"]),
        ("+a", ["a"]),
        ("~a", ["a"]),
        ("-1", ["1", "-2"]),
        # arguments
        ("a(b, *c)", ["a(*c)", "a(b)"]),
        ("a(b, x=c, **c)", ["a(x=c, **c)", "a(b, **c)", "a(b, x=c)"]),
        ("a()", []),
        # methods of texts
        ("a.lower()", ["a.upper()"]),
        ("a.upper()", ["a.lower()"]),
        ("a.lstrip()", ["a.rstrip()"]),
        ("a.rstrip()", ["a.lstrip()"]),
        ("a.find(b)", ["a.find()", "a.rfind(b)"]),
        ("a.rfind(b)", ["a.rfind()", "a.find(b)"]),
        ("a.index(b)", ["a.index()", "a.rindex(b)"]),
        ("a.rindex(b)", ["a.rindex()", "a.index(b)"]),
        ("a.ljust(b)", ["a.ljust()", "a.rjust(b)"]),
        ("a.rjust(b)", ["a.rjust()", "a.ljust(b)"]),
        ("a.partition(b)", ["a.partition()", "a.rpartition(b)"]),
        ("a.rpartition(b)", ["a.rpartition()", "a.partition(b)"]),
        ("a.removeprefix(b)", ["a.removeprefix()", "a.removesuffix(b)"]),
        ("a.removesuffix(b)", ["a.removesuffix()", "a.removeprefix(b)"]),
        ("a.split()", ["a.rsplit()"]),
        ("a.rsplit()", ["a.split()"]),
        ("a.startswith(b)", ["a.startswith()", "a.endswith(b)"]),
        ("a.endswith(b)", ["a.endswith()", "a.startswith(b)"]),
        ("a.lower", []),  # it isn't called
        ("lower()", []),
        # lambdas
        ("lambda x: x", ["lambda x: None"]),
        ("lambda: None", []),
        # they are in nested places as well
        ("[a[1:] for x in b if x]", ["[a[2:] for x in b if x]"]),
    ],
)
def test_an_expression(text: str, expected: list[str]) -> None:
    assert expressions(text) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # the right side, and augmented assignments
        (["a = b"], [["a = None"]]),
        (["a = None"], []),
        (["a: int = b"], [["a: int = None"]]),
        (["a: int"], []),
        (["a += b"], [["a -= b"], ["a = b"]]),
        (["a @= b"], [["a = b"]]),
        # jumps and loops
        (["while a:", "    break"], [["while False:", "    break"], ["while a:", "    return"]]),
        (["while a:", "    continue"], [["while False:", "    continue"], ["while a:", "    break"]]),
        (["for a in b:", "    pass"], [["for a in []:", "    pass"]]),
        (["while True:", "    pass"], [["while False:", "    pass"]]),  # by two operators, kept once
        # nothing to change
        (["'''A docstring.'''"], []),
        (["pass"], []),
        (["global g"], []),
    ],
)
def test_statements(lines: list[str], expected: list[list[str]]) -> None:
    def program(body: list[str]) -> str:
        return "\n".join(["def f(a, b):", *(f"    {line}" for line in body)])

    assert everything(program(lines)) == [ast.unparse(ast.parse(program(body))) for body in expected]


def test_annotations_and_decorators_stay() -> None:
    assert everything("@cache(1)\ndef f(a: 'int' = 1) -> 'int':\n    return a") == [
        "@cache(1)\ndef f(a: 'int'=2) -> 'int':\n    return a"
    ]


def test_what_does_not_compile_is_no_mutant() -> None:
    assert everything("while a():\n    break", None) == ["while False:\n    break"]  # no return outside of a function
    assert everything("for a in b:\n    try: pass\n    finally: continue", None) == [
        "for a in []:\n    try:\n        pass\n    finally:\n        continue",
        "for a in b:\n    try:\n        pass\n    finally:\n        break",
    ]


PROGRAM = """
import math
LIMIT = 3
UNUSED = 4
def helper(x): return x + LIMIT
def other(x): return x + 5
class Solution:
    def f(self, x): return helper(x)
if __name__ == "__main__":
    print(f(6))
"""


def test_only_what_the_entry_point_reaches_is_changed() -> None:
    old = ast.unparse(ast.parse(PROGRAM)).split("\n")
    changed = [line.strip() for mutant in everything(PROGRAM) for line in mutant.split("\n") if line not in old]
    assert changed == ["LIMIT = None", "LIMIT = 4", "return x - LIMIT", "return helper()"]
    assert len(everything(PROGRAM, "helper")) == 3
    assert everything(PROGRAM, "missing") == []
    assert any("print(f(7))" in mutant for mutant in everything(PROGRAM, None))


SUM = """def f(xs):
    total = 0
    for x in xs:
        if x > 1 and x != 5:
            total += x * 2
    return total"""


def test_a_draw_is_a_part_of_all_in_their_order() -> None:
    every = everything(SUM)
    assert len(every) == 12
    drawn = {seed: mutants(SUM, "f", 4, seed) for seed in range(40)}
    for some in drawn.values():
        assert len(set(some)) == 4
        assert sorted(some, key=every.index) == list(some)
    assert set().union(*drawn.values()) == set(every)
    assert drawn[3] == mutants(SUM, "f", 4, 3)
    assert len(set(drawn.values())) > 30
    assert set(drawn[3]) <= set(mutants(SUM, "f", 8, 3))  # a larger limit adds to them


def test_programs_without_mutants() -> None:
    for code in (
        "def f(:",
        "",
        "\0",
        "def f(): pass",
        "x = " + "(" * 300,
        "x = '\ud800'[",
        f"def f(): return {'-' * 5000}1",
    ):
        assert mutants(code, "f", 16, 0) == ()
    with pytest.raises(ValueError, match=r"mutator\.limit must be at least 1, got 0"):
        mutants(SUM, "f", 0, 0)


def test_nothing_runs(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    code = f"open({str(trace)!r}, 'w').write('x')\nraise SystemExit(1)\n"
    assert len(mutants(code, None, 16, 0)) == 8  # three texts, a number, four arguments
    assert not trace.exists()


names = st.sampled_from("abc")
atoms = names | st.integers(0, 9).map(str) | st.sampled_from(["'s'", "True", "None", "[]"])
texts = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "*", "<", "==", "and", "in", "^"]), inner).map(
            lambda t: f"({' '.join(t)})"
        ),
        inner.map(lambda t: f"(not {t})"),
        inner.map(lambda t: f"(lambda: {t})"),
        st.tuples(names, inner, inner).map(lambda t: f"{t[0]}({t[1]}, k={t[2]})"),
        st.tuples(names, inner).map(lambda t: f"{t[0]}.find({t[1]})"),
    ),
    max_leaves=8,
)


@given(st.lists(texts, min_size=1, max_size=3), st.integers(0, 3))
def test_every_mutant_is_another_program(values: list[str], seed: int) -> None:
    code = "def f(a, b, c):\n" + "".join(f"    a = {value}\n" for value in values) + "    return a"
    found = mutants(code, "f", 10, seed)
    trees = [ast.dump(ast.parse(text)) for text in (code, *found)]
    assert len(set(trees)) == len(trees)
    assert 1 <= len(found) <= 10 or values == ["None"] * len(values)
