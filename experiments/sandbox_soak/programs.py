"""The programs of the soak: innocent ones, every text another, and among them hostile ones of a few kinds."""

from collections.abc import Iterator
from dataclasses import dataclass

from conself.sandbox import Job

PROGRAMS = 20  # per job, one of them hostile: 5 %
INPUTS = 12
CANARY = "conself-soak-canary"
_RARE = 40  # of so many hostile programs two, a call and a stdin one, burn CPU into a time-out

# Each text gets a number, so that no two are the same: equal programs of a job would run once.
_CALLS = (
    "def f(x): return x * {n} + 1",
    "def f(x): return [i * x for i in range({n} % 50)]",
    "def f(x): return ''.join(sorted(str(x * {n}))) + '\u00e9'",
    "from collections import Counter\ndef f(x): return dict(Counter(str({n} ** (x + 9))))",
    "def f(x):\n if x == 0: return {n}\n return f(x - 1) * 3 % 1000003",
    "def f(x): return [{n}, 2, 3][x]",
    "class Solution:\n def f(self, x): return {{x, {n}, -x}}",
    "import math\ndef f(x): return math.sqrt(x) / ({n} % 3 - 1)",
    "import random\ndef f(x): return random.randrange({n} + x + 1)",
    "import heapq\ndef f(x):\n h = []\n for i in range(200): heapq.heappush(h, i * {n} % 97)\n return heapq.heappop(h)",
    "from functools import lru_cache\n@lru_cache(None)\ndef g(i): return i if i < 2 else g(i - 1) + g(i - 2)\n"
    "def f(x): return g(x + {n} % 60)",
    "seen = []\ndef f(x):\n seen.append(x + {n})\n return seen",  # leaves something behind: one process per input
    "def f(x: return {n}",
)
_STDIN = (
    "print(int(input()) + {n})",
    "import sys\nfor line in sys.stdin: print(sum(map(int, line.split())) * {n})",
    "n = int(input())\nfor i in range(n): print(i * {n}, end=' ')",
    "x = int(input())\nassert x != {n} % 5\nprint('yes' if x % 2 else 'no', {n})",
    "import sys\ndata = sys.stdin.buffer.read()\nsys.stdout.write(data.decode() * ({n} % 7))",
    "def main():\n a = list(map(int, input().split()))\n print(*[v ** 2 % {m} for v in a])\nmain()",
    "try:\n while True: print(len(input()) + {n})\nexcept EOFError: exit()",
)

# What only some inputs trigger shows that the other results of a hostile program are its own as well.
_HOSTILE_CALLS = {
    "fork bomb": "import os\ndef f(x):\n while True: os.fork()",
    "memory bomb": "def f(x):\n a = []\n while x % 5 == 1: a.append(bytearray(1 << 20))\n return x",
    "value flood": "def f(x):\n a = []\n for _ in range(60): a = [a, a]\n return a",
    "forged result": "import os, struct\ndef f(x):\n"
    " os.write(63, (struct.pack('<BI', 0, 3) + b'666') * 9)\n os._exit(0)",
    "forged garbage": "import os\ndef f(x):\n os.write(63, b'garbage')\n return x",
    "exit": "import os\ndef f(x):\n if x % 3 == 1: os._exit(0)\n return x",
    "crash": "import ctypes\ndef f(x): return ctypes.string_at(0) if x % 3 == 1 else x",
    "kill parent": "import os\ndef f(x): os.kill(os.getppid(), 9)",
    "kill all": "import os\ndef f(x): os.kill(-1, 9)",
    "closed descriptors": "import os\ndef f(x):\n os.closerange(0, 1024)\n return x",
    "stack overflow": "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n def __repr__(s): return repr(s)\n"
    "def f(x): return repr(A()) if x % 5 == 1 else x",
    "many pipes": "import os\ndef f(x):\n while True: os.pipe()",
    "many threads": "import threading, time\n"
    "def f(x):\n while True: threading.Thread(target=time.sleep, args=(9,)).start()",
    "file": f"def f(x): open('/tmp/{CANARY}', 'w')",
    "patched builtins": "import builtins, json, os\ndef f(x):\n for m in (builtins, json, os):\n"
    "  for n in ('len', 'type', 'sorted', 'dumps', 'write', 'str'): setattr(m, n, lambda *a, **k: 666)\n return [x]",
}
_HOSTILE_STDIN = {
    "output flood": "while True: print('x' * 9999)",
    "fork bomb": "import os\nwhile True: os.fork()",
    "memory bomb": "x, a = int(input().split()[0]), []\nwhile x % 5 == 1: a.append(bytearray(1 << 20))",
    "forged result": "import os, struct\nos.write(63, (struct.pack('<BI', 0, 3) + b'666') * 9)\nos._exit(0)",
    "exit": "import os\nprint('lost')\nos._exit(int(input()) % 2)",
    "crash": "import ctypes\nctypes.string_at(0)",
    "kill parent": "import os\nos.kill(os.getppid(), 9)",
    "truncated streams": "import os\nfor n in range(64):\n try: os.ftruncate(n, 0); os.lseek(n, 4096, 0)\n"
    " except OSError: pass\nos.write(1, b'x')",
    "closed descriptors": "import os\nos.closerange(0, 1024)\nprint(1)",
    "many pipes": "import os\nwhile True: os.pipe()",
    "file": f"open('/tmp/{CANARY}', 'w')",
}
_BURNS = {True: "while True: pass", False: "def f(x):\n while True: pass"}


@dataclass(frozen=True)
class Jobs:
    """``count`` jobs, call and stdin in turn: PROGRAMS - 1 innocent programs each and, if wanted, a hostile one."""

    count: int
    with_hostile: bool

    def __iter__(self) -> Iterator[Job]:
        return (self._job(number) for number in range(self.count))

    def _job(self, number: int) -> Job:
        is_stdin = number % 2 == 1
        programs: list[str | None] = [_innocent(number * PROGRAMS + p, is_stdin) for p in range(PROGRAMS - 1)]
        if self.with_hostile:
            programs.insert(place_of_hostile(number), f"{_hostile(number)[1]}\n# {number}")
        inputs = tuple(f"{x} {x + 1}\n" if p == 0 else f"{x}\n" for p, x in enumerate(range(INPUTS)))
        calls = tuple(f"({x},)" for x in range(INPUTS))
        return Job(str(number), tuple(programs), None if is_stdin else "f", inputs if is_stdin else calls)


def place_of_hostile(number: int) -> int:
    """Where among the programs of job ``number`` the hostile one is."""
    return number // 2 * 7 % PROGRAMS


def kind_of_hostile(number: int) -> str:
    """Of which kind the hostile program of job ``number`` is."""
    return _hostile(number)[0]


def _innocent(number: int, is_stdin: bool) -> str:
    texts = _STDIN if is_stdin else _CALLS
    return texts[number % len(texts)].format(n=number, m=number + 2)


def _hostile(number: int) -> tuple[str, str]:
    is_stdin = number % 2 == 1
    if number % _RARE < 2:
        return "time-out", _BURNS[is_stdin]
    kinds = list((_HOSTILE_STDIN if is_stdin else _HOSTILE_CALLS).items())
    name, text = kinds[number // 2 % len(kinds)]
    return f"{name} (stdin)" if is_stdin else name, text
