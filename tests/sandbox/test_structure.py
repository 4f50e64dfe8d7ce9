"""What is recorded of values that are no plain builtins, run in the sandbox as programs of candidates."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from conself.sandbox import Outcome, Status, Summary, execute
from conself.sandbox.canonical import TooLong, canonical, is_canonical
from conself.sandbox.jobs import Job, Limits

Rows = list[tuple[Outcome, ...]]

# program -> the canonical text of f(2), by hand
STANDARD = {
    "from decimal import Decimal\ndef f(n): return Decimal(n) / 4": '{"x":["Decimal","0.5"]}',
    "from fractions import Fraction\ndef f(n): return Fraction(n, 3)": (
        '{"O":["Fraction",null,"_denominator",3,"_numerator",2]}'
    ),
    "from collections import deque\ndef f(n): return deque(range(n), maxlen=9)": '{"x":["deque",[0,1]]}',
    "def f(n): return range(n, 9, 3)": '{"x":["range",[2,3,3]]}',
    "def f(n): return range(5, n)": '{"x":["range",[0,1,0]]}',
    "def f(n): return range(n, 3, 7)": '{"x":["range",[2,1,1]]}',
    "def f(n): return range(9, n, -3)": '{"x":["range",[9,-3,3]]}',
    "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(n): return P(n, 1)": '{"t":[2,1]}',
    "def f(n): return {n: 1}.keys()": '{"x":["dict_keys",[2]]}',
    "def f(n): return {1: n}.values()": '{"x":["dict_values",[2]]}',
    "def f(n): return {1: n}.items()": '{"x":["dict_items",[{"t":[1,2]}]]}',
    "def f(n): return map(str, range(n))": '{"x":["iterator",["0","1"]]}',
    "def f(n): return (i * i for i in range(n))": '{"x":["iterator",[0,1]]}',
    "def f(n): return reversed([1, n])": '{"x":["iterator",[2,1]]}',
    "def f(n): return [n, zip('ab', (1, n))]": '[2,{"x":["iterator",[{"t":["a",1]},{"t":["b",2]}]]}]',
    "from datetime import date\ndef f(n): return date(2024, 1, n)": '{"x":["date","2024-01-02"]}',
    "from datetime import timedelta\ndef f(n): return timedelta(hours=25 * n)": '{"x":["timedelta",[2,7200,0]]}',
    "from datetime import datetime, timezone\ndef f(n): return datetime(1, 1, n, tzinfo=timezone.utc)": (
        '{"x":["datetime","0001-01-02T00:00:00+00:00"]}'
    ),
    "from enum import IntEnum\nE = IntEnum('E', 'a b c')\ndef f(n): return E(n)": "2",
    "from enum import Enum\nE = Enum('E', 'a b c')\ndef f(n): return E(n)": (
        '{"O":["E",null,"_name_","b","_value_",2]}'
    ),
    "class S(str): pass\ndef f(n): return S(n)": '"2"',
    "class D(dict): pass\ndef f(n): return D(a=n)": '{"d":[["a",2]]}',
    "from dataclasses import dataclass\n@dataclass\nclass D:\n    x: int\ndef f(n): return D(n)": (
        '{"O":["D",null,"x",2]}'
    ),
    "from dataclasses import dataclass\n@dataclass(slots=True)\nclass D:\n    x: int\ndef f(n): return D(n)": (
        '{"O":["D",null,"x",2]}'
    ),
    "class N:\n    def __init__(s, v, n=None): s.val, s.next = v, n\ndef f(n): return N(1, N(n))": (
        '{"O":["N",null,"next",{"O":["N",null,"next",null,"val",2]},"val",1]}'
    ),
    "class N: pass\ndef f(n):\n    a = N()\n    a.me = [a]\n    return a": '{"O":["N",null,"me",[{"r":2}]]}',
    "from array import array\ndef f(n): return array('i', range(n))": '{"x":["array",["i",[0,1]]]}',
    "def f(n): return memoryview(bytes(n))": '{"x":["memoryview",[0,0]]}',
    "from collections import ChainMap\ndef f(n): return ChainMap({1: n})": (
        '{"O":["ChainMap",null,"maps",[{"d":[[1,2]]}]]}'
    ),
    "from collections import UserList\ndef f(n): return UserList([n])": '{"O":["UserList",null,"data",[2]]}',
    "from types import SimpleNamespace\ndef f(n): return SimpleNamespace(b=n, a=1)": (
        '{"O":["SimpleNamespace",null,"a",1,"b",2]}'
    ),
    "def f(n): return ValueError(n)": '{"O":["ValueError",{"t":[2]}]}',
    "def f(n): return slice(n)": '{"x":["slice",[null,2,null]]}',
    "def f(n): return [int, ...]": '[{"x":["type","int"]},{"x":["Ellipsis",null]}]',
}

_METHODS = (  # by their names without underscores
    "repr str eq hash iter next len getattr getattribute bool dir reduce_ex getstate call"
)
# each of these would print, lie or run for ever if a method of its class were called; f(2) by hand
HOSTILE = {
    "class A:\n    x = property(lambda s: 1 / 0)\n    def __init__(s): s.y = 1\ndef f(n): return A()": (
        '{"O":["A",null,"y",1]}'
    ),
    "class A:\n    def __init__(s, n): s.n = n\n"
    + "".join(f"    def __{name}__(s, *a):\n        while True: pass\n" for name in _METHODS.split())
    + "def f(n): return A(n)": '{"O":["A",null,"n",2]}',
    "class L(list):\n    def __iter__(s): return iter([9])\n    def __len__(s): return 9\ndef f(n): return L([n])": (
        "[2]"
    ),
    "class L(list):\n    def __eq__(s, o): return True\ndef f(n): return L([n])": '{"O":["L",[2]]}',
    "class D(dict):\n    def items(s): return [(9, 9)]\n    keys = __iter__ = items\ndef f(n): return D(a=n)": (
        '{"d":[["a",2]]}'
    ),
    "class I(int):\n    def __int__(s): return 9\n    __index__ = __repr__ = __int__\ndef f(n): return I(n)": "2",
    "class F(float):\n    def __float__(s): return 9.0\n    __repr__ = __float__\ndef f(n): return F(n)": '{"f":"2.0"}',
    "class S(str):\n    def __str__(s): return 'no'\n    __getitem__ = __iter__ = __str__\ndef f(n): return S(n)": (
        '"2"'
    ),
    "class M(type):\n    def __hash__(c): return hash(list)\n    def __eq__(c, o): return True\n"
    "    def mro(c): return [c, object]\n    __mro__ = __dict__ = __name__ = property(lambda c: 1 / 0)\n"
    "    def __instancecheck__(c, o): return True\n    def __getattribute__(c, n): raise SystemExit\n"
    "class A(metaclass=M):\n    def __init__(s, n): s.n = n\ndef f(n): return A(n)": '{"O":["A",null,"n",2]}',
    "class A:\n    __dict__ = property(lambda s: {'x': 9})\n    __slots__ = ('y', '__weakref__')\n"
    "def f(n):\n    a = A()\n    a.y = n\n    return a": '{"O":["A",null,"y",2]}',
    "class A: pass\nclass K(dict):\n    def items(s): return [('x', 9)]\ndef f(n):\n    a = A()\n"
    "    a.__dict__ = K(y=n)\n    return a": '{"O":["A",null,"y",2]}',
    "class H:\n    def __init__(s): s.n = 0\n    def __hash__(s):\n        s.n += 1\n        return 1\n"
    "class T(set): pass\ndef f(n): return T([H()])": '{"s":[{"O":["H",null,"n",1]}]}',
    "from datetime import *\nclass Z(tzinfo):\n    def utcoffset(s, d): raise SystemExit\n"
    "def f(n): return datetime(1, 1, 2, tzinfo=Z())": '{"o":"datetime"}',
    "class A:\n    __class__ = int\ndef f(n): return A()": '{"O":["A",null]}',
    "class I:\n    def __iter__(s): return s\n    def __next__(s): return 1\ndef f(n): return I()": '{"O":["I",null]}',
}

UNREADABLE = {
    "def f(n): return f": '{"o":"function"}',
    "def f(n): return [n, lambda: n]": '[2,{"o":"function"}]',
    "class A: pass\ndef f(n): return A": '{"o":"type"}',
    "import re\ndef f(n): return re.match('a', 'a')": '{"o":"Match"}',
    "import threading\ndef f(n): return threading.Lock()": '{"o":"lock"}',
    "import random\nclass R(random.Random): pass\ndef f(n): return R()": '{"o":"R"}',  # its state is in C
    "class A: pass\ndef f(n):\n    a = A()\n    a.__dict__[1] = n\n    return a": '{"o":"A"}',
    "async def g(): pass\ndef f(n): return g()": '{"o":"coroutine"}',
    "import math\ndef f(n): return math": '{"o":"module"}',
}
ALL = {**STANDARD, **HOSTILE, **UNREADABLE}


@pytest.fixture(scope="module")
def found() -> dict[str, Outcome]:
    """What the sandbox recorded for f(2), by program: one job."""
    limits = Limits(cpu_seconds=2.0, wall_seconds=10.0, memory_mb=512, output_kb=64, max_timeouts=1, audit=0.0)
    (result,) = execute([Job("j", tuple(ALL), "f", ("(2,)",))], limits, 1)
    assert Summary.of(result).unreadable == len(UNREADABLE) + 1  # a time zone of the program's own
    return {program: row[0] for program, row in zip(ALL, result.rows, strict=True)}


@pytest.mark.parametrize("program", ALL, ids=[str(number) for number in range(len(ALL))])
def test_by_hand(found: dict[str, Outcome], program: str) -> None:
    assert found[program] == Outcome(Status.OK, ALL[program])
    assert is_canonical(ALL[program])


def test_iterators_up_to_a_limit(run: Callable[..., Rows]) -> None:
    programs = [
        "import itertools\ndef f(n): return itertools.count(n)",
        "def f(n): return iter(range(10000))",
        "def f(n):\n    yield n\n    raise KeyError(n)",
        "def f(n):\n    yield n\n    while True: pass",
        "def f(n):\n    while True: yield 'x' * 1000",
    ]
    rows: Any = run(programs, ["(2,)"], output_kb=512, cpu_seconds=0.5)
    longer, whole, failed, slow, large = (row[0] for row in rows)
    assert json.loads(longer.value) == {"x": ["longer iterator", list(range(2, 10002))]}
    assert json.loads(whole.value) == {"x": ["iterator", list(range(10000))]}
    assert failed == Outcome(Status.EXCEPTION, "KeyError")
    assert slow.status is Status.TIMEOUT
    assert large.status is Status.OUTPUT_LIMIT


def test_depth_and_size_are_bounded() -> None:
    class Node:
        def __init__(self, *parts: object) -> None:
            self.parts = parts

    value: object = None
    for _ in range(5000):
        value = Node(value)
    text = canonical(value)
    assert is_canonical(text)
    assert '{"o":' in text
    assert len(text) < 100 * 60
    twice: object = Node()
    for _ in range(60):
        twice = Node(twice, twice)  # a small graph whose unfolding is endless
    with pytest.raises(TooLong):
        canonical(twice, 10_000)


MALFORMED = (
    """{"x":["deque"]} {"x":[1,2]} {"x":["a",[01]]} {"x":["a",{"q":1}]} {"O":["A"]} {"O":["A",null,"x"]} """
    """{"O":["A",null,1,2]} {"O":[]} {"O":{}}"""
)


@pytest.mark.parametrize("text", MALFORMED.split())
def test_malformed_structure_is_not_canonical(text: str) -> None:
    assert not is_canonical(text)
