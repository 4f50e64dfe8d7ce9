"""The captured state of a call program: what a call changes is seen, and what cannot be seen is not claimed."""

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from conself.sandbox.state import MODULE, PROGRAM, State, capture, has_changed, is_fixed


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    """A program's module, as the runner registers it."""
    sys.modules[MODULE] = module = types.ModuleType(MODULE)
    yield module
    del sys.modules[MODULE]


def run(source: str, namespace: dict[str, Any]) -> None:
    exec(compile(source, PROGRAM, "exec"), namespace)


def captured(module: types.ModuleType) -> State:
    state = capture(vars(module))
    assert state is not None
    return state


CHANGES: dict[str, tuple[str, str]] = {
    "value": ("n = 0", "n += 1"),
    "new name": ("", "n = 1"),
    "deleted name": ("n = 1", "del n"),
    "type": ("n = 1", "n = True"),
    "sign of zero": ("n = 0.0", "n = -0.0"),
    "item": ("a = [[1], {'k': (2, [3])}]", "a[1]['k'][1].append(4)"),
    "order of a dict": ("d = {1: 1, 2: 2}", "d[1] = d.pop(1)"),
    "bytes to bytearray": ("b = b''", "b = bytearray()"),
    "one list for two": ("a, b = [], []", "b = a"),
    "two lists for one": ("a = b = []", "b = []"),
    "equal list in another place": ("a = []\nc = [a]", "c[0] = []"),
    "equal function": ("g = lambda: 1", "g = None\ng = lambda: 1"),
    "function under another name": ("def g(): pass", "h = g\ndel g"),
    "exchanged functions": ("def g(): pass\ndef h(): pass", "g, h = h, g"),
    "default": ("def g(a=[]): pass", "g.__defaults__[0].append(1)"),
    "keyword default": ("def g(*, a={}): pass", "g.__kwdefaults__['a'][1] = 1"),
    "function as a default": ("def g(h=lambda a=[]: a): pass", "g.__defaults__[0]().append(1)"),
    "function attribute": ("def g(): pass", "g.n = 1"),
    "class attribute": ("class A: n = 0", "A.n = 1"),
    "list of a class": ("class A: a = []", "A.a.append(1)"),
    "nested class": ("class A:\n class B:\n  class C: n = 0", "A.B.C.n = 1"),
    "base without a name": ("class A: a = []\nclass B(A): pass\ndel A", "B.a.append(1)"),
    "abstract class": ("from abc import ABC\nclass A(ABC): n = 0", "A.n = 1"),
    "class from elsewhere": ("A = type('A', (), {'a': [], '__module__': 'math'})", "A.a.append(1)"),
    "default of a property": ("class A:\n @property\n def p(s, a=[]): return a", "A().p.append(1)"),
    "attribute of a cached property": (
        "from functools import cached_property\nclass A:\n @cached_property\n def p(s): pass",
        "A.p.n = 1",
    ),
    "bound class method": ("class A:\n n = 0\n @classmethod\n def m(c): c.n = 1\nm = A.m\ndel A", "m()"),
    "attribute of a cache": ("from functools import cache\n@cache\ndef g(): pass", "g.n = 1"),
    "dataclass's factory": (
        "from dataclasses import dataclass, field\n@dataclass\nclass A: x: int = field(default_factory=lambda a=[]: a)",
        "A().x.append(1)",
    ),
    "default of a named tuple": ("from typing import NamedTuple\nclass P(NamedTuple): a: list = []", "P().a.append(1)"),
    "attribute of a type variable": ("from typing import TypeVar\nT = TypeVar('T')", "T.n = 1"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(name: str, module: types.ModuleType) -> None:
    before, change = CHANGES[name]
    run(before, vars(module))
    state = captured(module)
    assert not has_changed(state, vars(module))
    run(change, vars(module))
    assert has_changed(state, vars(module))


SAME: dict[str, tuple[str, str]] = {
    "nothing": ("n = 1", ""),
    "list that is as before": ("a = [1]", "a.append(2)\na.pop()"),
    "caches are emptied": ("from functools import cache\n@cache\ndef g(x): return x", "g(1)"),
    "caches in classes, too": (
        "from functools import lru_cache\nclass A:\n class B:\n  @staticmethod\n  @lru_cache(9)\n  def g(x): return x",
        "A.B.g(1)",
    ),
    "instances of classes": ("class A:\n def __init__(s): s.n = 1", "A().n = 2"),
    "imports": ("from typing import *\nfrom collections import *\nimport math, re\nfrom random import *", "random()"),
    "dataclass": ("from dataclasses import dataclass\n@dataclass\nclass A: x: int = 1", "repr(A(2))"),
    "named tuple": ("from collections import namedtuple\nP = namedtuple('P', 'x y')", "P(1, 2)._replace(x=3)"),
    "ordering": (
        "from functools import total_ordering as t\n@t\nclass A:\n def __lt__(s, o): return True",
        "A() >= A()",
    ),
    "generic class": ("from typing import *\nT = TypeVar('T')\nclass A(Generic[T]): pass\nL = List[int]", "A[int]()"),
    "frozenset": ("s = frozenset(('a', 1))", "'a' in s"),
    "exception": ("class E(Exception): pass", "try: raise E\nexcept E: pass"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_is_as_before_is_the_same(name: str, module: types.ModuleType) -> None:
    before, step = SAME[name]
    run(before, vars(module))
    state = captured(module)
    run(step, vars(module))
    assert not has_changed(state, vars(module))


@pytest.mark.parametrize(
    "source",
    [
        "def g():\n n = 0\n def h(): return n\n return h\nh = g()",  # a closure
        "g = (i for i in range(3))",
        "it = iter([])",
        "class A: pass\na = A()",
        "class A(list): pass\na = [A()]",
        "class B(bytes): pass\na = [B()]",  # marshal would take it for bytes
        "a = [b'']",  # which later might be such an object
        "import array\na = [array.array('b')]",
        "s = {1}",  # where a set pops from, or puts in, depends on its history
        "class A: s = [{1}]",
        "def g(s={1}): pass",
        "pop = [1].pop",
        "import io\nread = io.StringIO('a').read",
        "import random\nr = random.Random(1).random",
        "import types\nm = types.ModuleType('m')",
        "class M(type): pass\nA = M('A', (), {})",
        "from enum import Enum\nclass E(Enum): A = 1",
        "from functools import partial\ng = partial(print, [])",
        "from functools import cache\n@cache\ndef g(): return []\ng()",  # not empty: emptying would change it
        "from collections import deque\nd = deque()",
        "a = []\na.append(a)",
        "a = list(range(10**5))",  # comparing would take longer than a new process
        "class A:\n def __init__(s): s.p = 1\n p = lambda s, a=[iter([])]: a",
    ],
)
def test_what_cannot_be_told_is_not_claimed(source: str, module: types.ModuleType) -> None:
    run(source, vars(module))
    assert capture(vars(module)) is None


def test_names_behind_which_nothing_can_change(module: types.ModuleType) -> None:
    run("import math\nfrom typing import List\nN = 3\ndef f(x, k=1): return x", vars(module))
    assert is_fixed(vars(module))
    for source in ("a = []", "def g(a=[]): pass", "class A: pass", "def h():\n x = 1\n return lambda: x\ng = h()"):
        namespace = dict(vars(module))
        run(source, namespace)
        assert not is_fixed(namespace), source
