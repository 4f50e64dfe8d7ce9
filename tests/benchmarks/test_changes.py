"""Each change of a right program, by hand: its text, or what it gives."""

import ast
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.changes import CHANGES, changed

FUNCTION = (
    'def f(n):\n    """Doc."""\n    total = n\n    if n > 1:\n        return total + f(n - 1)\n    return total\n'
)
METHOD = "class Solution:\n    def f(self, n):\n        m = n\n        return self.f(n - 1) + m if m else 0\n"
VALUES = "def f(n):\n    return [n, (True, 0.5), {n: 2**60}, '7', None]\n"


def made(change: str, program: str) -> str:
    text = CHANGES[change](program, "f")
    assert text is not None
    return text


def run(program: str, *arguments: Any) -> Any:
    world: dict[str, Any] = {"__name__": "tests"}
    exec(program, world)
    return world["f"](*arguments) if "f" in world else world["Solution"]().f(*arguments)


@pytest.mark.parametrize(
    ("change", "program", "text"),
    [
        (
            "renamed variables",
            "def f(n):\n    m = n\n    return m\n",
            "def f(n):\n    m_renamed = n\n    return m_renamed",
        ),
        ("prints", "def f(n):\n    return n\n", "def f(n):\n    print('called')\n    return n\nprint('loaded')"),
        (
            "helper",
            "def f(n):\n    return n\n",
            "def _same(value):\n    return value\n\ndef f(n):\n    return _same(n)",
        ),
        (
            "class Solution",
            "def f(n):\n    return f(n)\n",
            "class Solution:\n\n    def f(self, n):\n        return Solution().f(n)",
        ),
        ("from __future__", "x = 1\n", "from __future__ import annotations\nx = 1"),
        ("CRLF", "x = 1\ny = 2\n", "x = 1\r\ny = 2\r"),
        ("BOM", "x = 1\n", "\ufeffx = 1"),
    ],
)
def test_the_text(change: str, program: str, text: str) -> None:
    assert made(change, program) == text + "\n"


@pytest.mark.parametrize("change", [change for change in CHANGES if change != "BOM"])
@pytest.mark.parametrize("program", [FUNCTION, METHOD])
def test_a_changed_program_gives_the_same_sum(change: str, program: str) -> None:
    """The sum of 1 to 4; of the method there is no class to move it into."""
    if (change, program) == ("class Solution", METHOD):
        assert CHANGES[change](program, "f") is None
    else:
        assert run(made(change, program), 4) == 10


def test_the_values_in_other_types() -> None:
    assert run(made("floats", VALUES), 3) == [3, (True, 0.5), {3: 2**60}, "7", None]
    floats = run(made("floats", VALUES), 3)
    assert [type(floats[0]), type(floats[1][0]), type(floats[2][3])] == [float, bool, int]  # 2**60 has no neighbours
    number, (truth, half), table, text, nothing = run(made("numpy", VALUES), 3)
    assert [type(each) for each in (number, truth, half, table[3], text)] == [
        np.int64,
        np.bool_,
        np.float64,
        np.int64,
        str,
    ]
    assert nothing is None
    assert run(made("tuples", VALUES), 3) == (3, (True, 0.5), {3: 2**60}, "7", None)
    assert run(made("tuples", "def f(n):\n    return [[n], {n: [n]}]\n"), 1) == ((1,), {1: (1,)})


def test_inner_calls_see_the_values_as_they_were() -> None:
    """range() takes no float, and + no list beside a tuple."""
    program = "def f(n):\n    return [k for k in range(len(f(n - 1)))] + [n] if n else [0]\n"
    assert run(program, 2) == [0, 1, 2]
    for change in ("floats", "numpy", "tuples"):
        assert list(run(made(change, program), 2)) == [0, 1, 2]


def test_a_function_whose_variable_has_its_name_stays_a_function() -> None:
    assert CHANGES["class Solution"]("def f(n):\n    f = n\n    return f\n", "f") is None


def test_names_that_others_see_stay() -> None:
    program = "def f(n, key=1):\n    list = n\n    global g\n    g = 1\n    return list\n"
    assert CHANGES["renamed variables"](program, "f") is None
    shadowed = "def f(sum):\n    sum = 1\n    [x for x in 'ab']\n    return sum\n"
    assert "sum = 1" in made("renamed variables", shadowed)
    assert "x_renamed for x_renamed in 'ab'" in made("renamed variables", shadowed)


def test_what_has_to_come_first_comes_first() -> None:
    program = '"""Doc."""\nfrom __future__ import annotations\ndef f(n):\n    return n\n'
    for change in ("helper", "decorator"):
        body = ast.parse(made(change, program)).body
        assert [ast.unparse(node) for node in body[:2]] == ["'Doc.'", "from __future__ import annotations"]
        assert run(made(change, program), 1) == 1


def test_all_eleven_at_once() -> None:
    assert list(changed(FUNCTION, "f")) == list(CHANGES)
    assert len(CHANGES) == 11
    assert set(CHANGES) - set(changed(METHOD, "f")) == {"class Solution"}
