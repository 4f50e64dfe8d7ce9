"""Programs that read standard input and write standard output."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conself.sandbox import Outcome, Status, canonical

Run = Callable[..., list[tuple[Outcome, ...]]]

# every one must behave as `python file < input` does
LEGITIMATE = {
    "input": "print(int(input()) + int(input()))",
    "stdin lines": "import sys\nprint(sum(map(int, sys.stdin)))",
    "stdin buffer": "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])",
    "os read and write": "import os\nos.write(1, os.read(0, 100).upper())",
    "open(0)": "print(open(0).read().split())",
    "open(1)": "out = open(1, 'w')\nprint('kept until the end', file=out)",
    "fast io": (
        "import os, sys\nfrom io import BytesIO, IOBase\n"
        "class W(IOBase):\n"
        " def __init__(self): self.b = BytesIO(); self.buffer = self\n"
        " def write(self, s): self.b.write(s.encode())\n"
        " def flush(self): os.write(1, self.b.getvalue()); self.b.truncate(0); self.b.seek(0)\n"
        "sys.stdout = W()\nprint(input())"
    ),
    "streams as objects": (
        "import sys\nfor s in (sys.stdin, sys.stdout):\n"
        " print(s.mode, s.name, s.fileno(), s.encoding, s.errors, s.isatty(), s.seekable(), s.buffer.raw.name)"
    ),
    "size of standard input": "import os\nprint(os.fstat(0).st_size, os.read(0, os.fstat(0).st_size))",
    "exit": "print(1)\nexit()",
    "sys.exit 0": "import sys\nprint(2)\nsys.exit(0)",
    "os._exit 0": "import os\nprint('lost')\nos._exit(0)",
    "sys.exit 1": "import sys\nprint(2)\nsys.exit(1)",
    "sys.exit text": "import sys\nsys.exit('bad')",
    "raises": "print(3)\n1 / 0",
    "main guard": "def main(): print(__name__)\nif __name__ == '__main__': main()",
    "thread": (
        "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(256 << 20)\n"
        "def g(n): return n and 1 + g(n - 1)\n"
        "threading.Thread(target=lambda: print(g(50000))).start()"
    ),
    "atexit": "import atexit\natexit.register(print, 'bye')\nprint(1)",
    "asyncio": "import asyncio\nasync def m():\n await asyncio.sleep(0.01)\n print('x')\nasyncio.run(m())",
    "unicode": "print('é\\u4e2d', input())",
    "bytes": "import os\nos.write(1, bytes(range(120, 200)))",
    "globals": "import collections\nn = 0\ndef g():\n global n\n n += 1\ng()\nprint(n, [collections.Counter('aab')])",
    "fractions": "from fractions import Fraction\nfrom decimal import Decimal\nprint(Fraction(1, 3), Decimal(1) / 3)",
    "end of file": "while True:\n try: print(input())\n except EOFError: break",
    "signal": "import signal\nsignal.signal(signal.SIGALRM, lambda *a: print('tick'))\nsignal.alarm(1)\nsignal.pause()",
    "no input file": "try: open('input.txt')\nexcept FileNotFoundError: print('none')",
    "resource": "import resource\nresource.setrlimit(resource.RLIMIT_STACK, (1 << 28, -1))\nprint(1)",
    "nested exec": "exec('a = 1')\nprint(a, __builtins__.len([1]))",
    "self import": "import __main__\nx = 5\nprint(__main__.x)",
}
STDIN = "3\n4\n"


@pytest.fixture(scope="module")
def outcomes(run: Run) -> dict[str, tuple[Outcome, ...]]:
    return dict(zip(LEGITIMATE, run(list(LEGITIMATE.values()), [STDIN], entry_point=None, memory_mb=1024), strict=True))


@pytest.mark.parametrize("name", LEGITIMATE)
def test_same_as_a_plain_interpreter(name: str, outcomes: dict[str, tuple[Outcome, ...]], tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(LEGITIMATE[name], encoding="utf-8")
    (tmp_path / "input").write_text(STDIN)
    (tmp_path / "output").touch()
    with open(tmp_path / "input", "rb") as source, open(tmp_path / "output", "wb") as target:
        plain = subprocess.run(
            [sys.executable, "main.py"],
            stdin=source,
            stdout=target,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
            env={"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"},
            check=False,
        )
    stdout = (tmp_path / "output").read_bytes()
    (outcome,) = outcomes[name]
    if plain.returncode == 0:
        assert outcome == Outcome(Status.OK, canonical(stdout.decode("utf-8", "surrogateescape")))
    else:
        assert outcome.status is (Status.EXIT if "exit" in name else Status.EXCEPTION)


def test_limits(run: Run) -> None:
    programs = [
        "while True: print('flood')",
        "while True:\n try: print('flood')\n except OSError: pass",
        "while True: pass",
        "import time; time.sleep(60)",
        "x = [0] * 10**9",
        "def f(:",
        "import os\nos.ftruncate(1, 10**12)",
        "print('x' * 65535)",
        "print('x' * 65536)",
    ]
    rows = run(programs, ["", ""], entry_point=None, cpu_seconds=0.3, wall_seconds=1.5)
    statuses = [[outcome.status.name for outcome in row] for row in rows]
    assert statuses == [
        ["OUTPUT_LIMIT"] * 2,
        ["OUTPUT_LIMIT"] * 2,
        ["TIMEOUT"] * 2,
        ["TIMEOUT"] * 2,
        ["MEMORY"] * 2,
        ["COMPILE_ERROR"] * 2,
        ["EXCEPTION"] * 2,
        ["OK"] * 2,
        ["OUTPUT_LIMIT"] * 2,
    ]


def test_inputs_and_outputs_do_not_mix(run: Run) -> None:
    vandal = (
        "import os, sys\nprint(sys.stdin.read(), end='', flush=True)\n"
        "try: os.ftruncate(0, 0); os.pwrite(0, b'forged', 0)\nexcept OSError: pass"
    )
    echo = "print(input())"
    rows = run([vandal, echo], ["one\n", "two\n"], entry_point=None)
    assert rows[0] == rows[1] == (Outcome(Status.OK, '"one\\n"'), Outcome(Status.OK, '"two\\n"'))


def test_surrogates_and_large_inputs_arrive(run: Run) -> None:
    program = "import sys\nprint(len(sys.stdin.buffer.read()))"
    (row,) = run([program], ["x" * 3_000_000, "é\ud800"], entry_point=None)
    assert [outcome.value for outcome in row] == ['"3000000\\n"', '"5\\n"']
