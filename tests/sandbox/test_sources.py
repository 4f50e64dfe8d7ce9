"""What CPython warns of in somebody else's text is not said in our name, and changes no filter of ours."""

import ast
import threading
import warnings

import pytest

from conself.datasets.decontamination import readings
from conself.datasets.mbpp import called_function
from conself.datasets.validation import fault
from conself.records import Problem
from conself.sandbox.jobs import arguments
from conself.sandbox.prefix import with_prefix
from conself.sandbox.sources import literal, parse

PROGRAM = 'from __future__ import annotations\ndef f(a):\n    "\\d"\n    return 1if a else "\\e"\n'
INPUT = "('\\d', 1)"


@pytest.fixture(autouse=True)
def _as_errors() -> None:
    warnings.simplefilter("error")  # pytest undoes it after each test


def test_plain_python_does_warn_of_these() -> None:
    with pytest.raises(SyntaxError):
        ast.parse(PROGRAM)
    with pytest.raises(SyntaxError):
        ast.literal_eval(INPUT)


def test_no_reader_of_foreign_text_warns() -> None:
    problem = Problem("p", "say", "", "f", (INPUT,), "s", "d", "")
    assert fault(problem) is None
    assert arguments(INPUT) == literal(INPUT) == ("\\d", 1)
    assert ast.dump(parse(PROGRAM)) != ""
    assert with_prefix("x = 1", PROGRAM).startswith("from __future__ import annotations\nx = 1\n")
    assert list(readings(PROGRAM)) != []
    assert called_function(PROGRAM, ['assert f("\\d") == 1']) == "f"


@pytest.mark.parametrize(
    "mark", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r", "\r\n", "\n"]
)
@pytest.mark.parametrize(
    "future", ["annotations", "(\nannotations,\n  division)", "annotations; one = 1", "annotations # no more"]
)
def test_a_prefix_leaves_all_of_a_program_but_its_future_imports(mark: str, future: str) -> None:
    """What Python takes for the end of a line counts as one, and no other character; every statement keeps its line."""
    program = f'"""a{mark}b"""; from __future__ import {future}\nfrom __future__ import generators; two = 2\n'
    program += "def f():\n    fail\n"
    joined = with_prefix("import math\nzero = math.pi", program + "math\n")
    alone, after = parse(program).body, parse(joined).body
    kept = [node for node in alone if not isinstance(node, ast.ImportFrom)]
    left = [node for node in after[4:] if ast.unparse(node) not in ("()", "math")]
    assert list(map(ast.dump, left)) == list(map(ast.dump, kept))
    assert [node.lineno - alone[-1].lineno for node in kept] == [node.lineno - left[-1].lineno for node in left]
    scope: dict[str, object] = {}
    exec(compile(joined, "p", "exec"), scope)
    assert (scope["two"], scope.get("one")) == (2, 1 if "one" in future else None)


def test_a_program_that_is_no_text_is_left_as_it_is() -> None:
    program = "from __future__ import annotations\nx = '\ud800'\n"
    assert with_prefix("y = 1", program) == "y = 1\n" + program


def test_errors_are_those_of_python() -> None:
    for text in ("f(", "\x00", "f()"):
        with pytest.raises((SyntaxError, ValueError)):
            literal(text)
    with pytest.raises(SyntaxError):
        parse("def")


def test_filters_are_as_before_also_after_many_threads() -> None:
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [literal(INPUT) for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before
