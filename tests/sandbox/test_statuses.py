"""Each status of a call program, and what is recorded with it."""

from collections.abc import Callable

import pytest

from conself.sandbox import Outcome, Status

OK, EXCEPTION = Status.OK, Status.EXCEPTION
INPUTS = ["(1,)", "(2,)"]

CASES: dict[str, tuple[str | None, list[tuple[Status, str]]]] = {
    "function": ("def f(x): return x + 1", [(OK, "2"), (OK, "3")]),
    "method of Solution": ("class Solution:\n def f(self, x): return (x,)", [(OK, '{"t":[1]}'), (OK, '{"t":[2]}')]),
    "inherited method": ("class A:\n def f(self, x): return x\nclass Solution(A): pass", [(OK, "1"), (OK, "2")]),
    "lambda": ("f = lambda x: -x", [(OK, "-1"), (OK, "-2")]),
    "cached": ("from functools import cache\n@cache\ndef f(x): return [x]", [(OK, "[1]"), (OK, "[2]")]),
    "exception on one input": ("def f(x): return 1 / (x - 1)", [(EXCEPTION, "ZeroDivisionError"), (OK, '{"f":"1.0"}')]),
    "own exception": ("class Mine(Exception): pass\ndef f(x): raise Mine", [(EXCEPTION, "Mine")] * 2),
    "recursion": ("def f(x): return f(x)", [(EXCEPTION, "RecursionError")] * 2),
    "wrong number of arguments": ("def f(): pass", [(EXCEPTION, "TypeError")] * 2),
    "missing entry point": ("def g(x): return x", [(EXCEPTION, "NameError")] * 2),
    "module raises": ("import no_such_module\ndef f(x): return x", [(EXCEPTION, "ModuleNotFoundError")] * 2),
    "third party": ("import numpy\ndef f(x): return x", [(EXCEPTION, "ModuleNotFoundError")] * 2),
    "reads input": ("def f(x): return input()", [(EXCEPTION, "EOFError")] * 2),
    "syntax": ("def f(x:", [(Status.COMPILE_ERROR, "SyntaxError")] * 2),
    "null byte": ("def f(x): return '\0'", [(Status.COMPILE_ERROR, "SyntaxError")] * 2),
    "lone surrogate": ("def f(x): return '\ud800'", [(Status.COMPILE_ERROR, "UnicodeEncodeError")] * 2),
    "no code": (None, [(Status.COMPILE_ERROR, "")] * 2),
    "endless": ("def f(x):\n while x == 1: pass\n return x", [(Status.TIMEOUT, ""), (OK, "2")]),
    "endless module": ("while True: pass", [(Status.TIMEOUT, "")] * 2),
    "sleeps": ("import time\ndef f(x):\n if x == 1: time.sleep(60)\n return x", [(Status.TIMEOUT, ""), (OK, "2")]),
    "memory": ("def f(x): return len([0] * 10**9) if x == 1 else x", [(Status.MEMORY, ""), (OK, "2")]),
    "long value": ("def f(x): return 'a' * 70000 if x == 1 else 'a'", [(Status.OUTPUT_LIMIT, ""), (OK, '"a"')]),
    "prints are not values": ("def f(x):\n print('a' * 70000)\n return x", [(OK, "1"), (OK, "2")]),
    "sys.exit": ("import sys\ndef f(x):\n if x == 1: sys.exit(0)\n return x", [(Status.EXIT, ""), (OK, "2")]),
    "exit": ("def f(x):\n if x == 1: exit()\n return x", [(Status.EXIT, ""), (OK, "2")]),
    "module exits": ("raise SystemExit", [(Status.EXIT, "")] * 2),
    "os._exit": ("import os\ndef f(x):\n if x == 1: os._exit(0)\n return x", [(Status.EXIT, ""), (OK, "2")]),
    "main guard": ("def f(x): return __name__\nif __name__ == '__main__': 1 / 0", [(OK, '"candidate"')] * 2),
    "huge int": ("def f(x): return 10 ** 6000 > 1 and str(10 ** 6000)[:2]", [(OK, '"10"')] * 2),
    "dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n x: 'int'\ndef f(x): return P(x).x",
        [(OK, "1"), (OK, "2")],
    ),
    "deep recursion": (
        "import sys\nsys.setrecursionlimit(10**5)\ndef g(n): return n and 1 + g(n - 1)\ndef f(x): return g(20000)",
        [(OK, "20000")] * 2,
    ),
}


@pytest.fixture(scope="module")
def outcomes(run: Callable[..., list[tuple[Outcome, ...]]]) -> dict[str, tuple[Outcome, ...]]:
    rows = run([program for program, _ in CASES.values()], INPUTS)
    return dict(zip(CASES, rows, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_status_and_value(name: str, outcomes: dict[str, tuple[Outcome, ...]]) -> None:
    assert outcomes[name] == tuple(Outcome(*expected) for expected in CASES[name][1])


def test_recursion_limit_is_that_of_a_plain_interpreter(run: Callable[..., list[tuple[Outcome, ...]]]) -> None:
    program = "def g(n): return n and 1 + g(n - 1)\ndef f(n): return g(n)"
    ((fits, fails),) = run([program], ["(990,)", "(1000,)"])
    assert fits == Outcome(OK, "990")
    assert fails == Outcome(EXCEPTION, "RecursionError")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("from heapq import *", "merge"),  # a function in Python
        ("from math import gcd", "gcd"),  # one in C
        ("from itertools import *", "count"),  # a class in C
        ("from collections import *", "Counter"),  # a class in Python
    ],
)
def test_a_method_goes_before_what_an_import_binds(
    head: str, name: str, run: Callable[..., list[tuple[Outcome, ...]]]
) -> None:
    """As in LeetCode's "merge intervals" after the imports of its data set; what the program itself defines stays."""
    method = f"{head}\nclass Solution:\n def {name}(self, x): return x + 10\n"
    programs = [method, f"{method}def {name}(x): return -x\n", f"{method}{name} = 3\n", f"{head}\nSolution = None\n"]
    mine, own, number, imported = run(programs, ["(1,)"], entry_point=name)
    assert mine == (Outcome(OK, "11"),)
    assert own == (Outcome(OK, "-1"),)
    assert number == (Outcome(EXCEPTION, "TypeError"),)
    assert imported != (Outcome(EXCEPTION, "NameError"),)


def test_time_outs_stop_after_the_allowed_number(run: Callable[..., list[tuple[Outcome, ...]]]) -> None:
    program = "def f(x):\n while x != 1: pass\n return x"
    inputs = ["(0,)", "(1,)", "(2,)", "(1,)"]
    for allowed, last in ((2, Status.TIMEOUT), (3, Status.OK)):
        (row,) = run([program], inputs, cpu_seconds=0.1, max_timeouts=allowed)
        assert [outcome.status for outcome in row] == [Status.TIMEOUT, Status.OK, Status.TIMEOUT, last]


def test_cpu_time_counts_per_input_not_per_program(run: Callable[..., list[tuple[Outcome, ...]]]) -> None:
    program = "import time\ndef f(x):\n end = time.process_time() + 0.2\n while time.process_time() < end: pass"
    (row,) = run([program], ["(1,)"] * 4, cpu_seconds=0.4)
    assert [outcome.status for outcome in row] == [Status.OK] * 4


def test_arguments_are_built_afresh_for_every_input(run: Callable[..., list[tuple[Outcome, ...]]]) -> None:
    inputs = ["([1], {2: [3]}, {4, 5})", "([1],)", "([1], {2: [3]}, {4, 5})"]
    program = "def f(a, b=None, c=None):\n a.append(0)\n if b: b[2].clear()\n if c: c.pop()\n return a, b, c and len(c)"
    (row,) = run([program] * 1, inputs)
    assert row[0] == row[2] == Outcome(OK, '{"t":[[1,0],{"d":[[2,[]]]},1]}')
    assert row[1] == Outcome(OK, '{"t":[[1,0],null,null]}')


def test_random_and_hashes_are_the_same_on_every_run(run: Callable[..., list[tuple[Outcome, ...]]]) -> None:
    program = "import random\ndef f(x): return random.random(), list({'a', 'b', 'c', 'd', 'e', 'f'}), hash('text')"
    first, second = run([program], ["(1,)", "(1,)"]), run([program], ["(1,)", "(1,)"])
    assert first == second
    assert first[0][0] == first[0][1]
    assert first[0][0].status == OK
