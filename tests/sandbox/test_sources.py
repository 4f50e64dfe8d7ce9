"""What CPython warns of in somebody else's text is not said in our name, and changes no filter of ours."""

import ast
import threading
import warnings

import pytest

from conself.datasets.decontamination import readings
from conself.datasets.mbpp import called_function
from conself.records import Problem
from conself.sandbox.jobs import arguments
from conself.sandbox.sources import literal, parse
from conself.shards import with_prefix
from conself.validation import fault

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
