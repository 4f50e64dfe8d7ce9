"""What selects one fork per input, and that either way no state passes from one input to the next."""

import ast
from collections.abc import Callable

import pytest

from conself.sandbox import Outcome, Status
from conself.sandbox.leaks import may_leak

STATEFUL = {
    "global": "n = 0\ndef f(x):\n global n\n n += 1\n return n",
    "module list": "seen = []\ndef f(x):\n seen.append(x)\n return len(seen)",
    "module dict by call": "seen = dict()\ndef f(x):\n seen[len(seen)] = x\n return len(seen)",
    "mutable default": "def f(x, seen=[]):\n seen.append(x)\n return len(seen)",
    "mutable keyword default": "def f(x, *, seen={}):\n seen[len(seen)] = x\n return len(seen)",
    "function attribute": "def f(x):\n f.n += 1\n return f.n\nf.n = 0",
    "function attribute from inside": "def f(x):\n f.n = getattr(f, 'n', 0) + 1\n return f.n",
    "class attribute": "class A:\n n = 0\ndef f(x):\n A.n += 1\n return A.n",
    "class list": "class Solution:\n seen = []\n def f(self, x):\n  self.seen.append(x)\n  return len(self.seen)",
    "own decorator": (
        "def memo(g):\n seen = []\n def h(x):\n  seen.append(x)\n  return len(seen)\n return h\n"
        "@memo\ndef f(x): return x"
    ),
    "decorator with a known name": (
        "def cache(g):\n n = 0\n def h(x):\n  nonlocal n\n  n += 1\n  return n\n return h\n@cache\ndef f(x): return x"
    ),
    "builtins": ("import builtins\ndef f(x):\n builtins.n = getattr(builtins, 'n', 0) + 1\n return builtins.n"),
    "sys.modules": "import sys\ndef f(x):\n m = sys.modules\n m['n'] = m.get('n', 0) + 1\n return m['n']",
    "module attribute": "import math\ndef f(x):\n math.n = getattr(math, 'n', 0) + 1\n return math.n",
    "globals()": "def f(x):\n globals()['n'] = globals().get('n', 0) + 1\n return globals()['n']",
    "setattr": "def f(x):\n setattr(f, 'n', getattr(f, 'n', 0) + 1)\n return f.n",
    "dunder dict": "def f(x):\n d = f.__dict__\n d['n'] = d.get('n', 0) + 1\n return d['n']",
    "iterator": "it = iter(range(1, 9))\ndef f(x): return next(it)",
    "cached list": (
        "from functools import lru_cache\n@lru_cache\ndef g(): return []\ndef f(x):\n g().append(x)\n return len(g())"
    ),
    "environment": "import os\ndef f(x):\n e = os.environ\n e['N'] = e.get('N', '') + 'x'\n return len(e['N'])",
    "decimal context": (
        "from decimal import getcontext\ndef f(x):\n p = getcontext().prec\n getcontext().prec = p + 1\n return p - 27"
    ),
    "random state": "import random\ndef f(x): return 1 if random.random() == 0.8444218515250481 else 2",
}


@pytest.fixture(scope="module")
def rows(run: Callable[..., list[tuple[Outcome, ...]]]) -> dict[str, tuple[Outcome, ...]]:
    return dict(zip(STATEFUL, run(list(STATEFUL.values()), ["(7,)"] * 3), strict=True))


@pytest.mark.parametrize("name", STATEFUL)
def test_state_does_not_survive_an_input(name: str, rows: dict[str, tuple[Outcome, ...]]) -> None:
    assert rows[name] == (Outcome(Status.OK, "1"),) * 3


@pytest.mark.parametrize("name", set(STATEFUL) - {"cached list", "random state"})
def test_stateful_programs_are_found(name: str) -> None:
    assert may_leak(ast.parse(STATEFUL[name]))


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): return x",
        '"""Doc."""\nimport math\nfrom typing import List\nINF = float("inf")\nMOD = 10**9 + 7\n'
        "def f(xs: List[int], k: int = 3) -> int:\n    ys = [x for x in xs]\n    ys.sort()\n    return ys[0] % MOD",
        "from functools import lru_cache\nclass Solution:\n    def f(self, n):\n        @lru_cache(None)\n"
        "        def g(i):\n            return i\n        self.best = 0\n        return g(n)",
        "class Node:\n    def __init__(self, v):\n        self.v = v\n        self.next = None\n"
        "def f(x):\n    head = Node(x)\n    head.next = Node(1)\n    return head.next.v",
        "def f(x):\n    best = 0\n    def dfs(i):\n        nonlocal best\n        best += i\n"
        "    dfs(x)\n    return best",
        "def f(x):\n    return x\nif __name__ == '__main__':\n    print(f(input()))",
    ],
)
def test_common_shapes_keep_the_fast_path(source: str) -> None:
    assert not may_leak(ast.parse(source))
