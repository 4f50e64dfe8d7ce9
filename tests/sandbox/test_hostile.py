"""Hostile programs: one property each. All run in one session, each between two innocent programs.

Every one must end with exactly the status named here, and the innocent ones must come out right.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from conself.sandbox import Job, Limits, Outcome, Status, execute, isolation

OK, EXCEPTION, TIMEOUT, EXIT, KILLED = Status.OK, Status.EXCEPTION, Status.TIMEOUT, Status.EXIT, Status.KILLED
DENIED = (EXCEPTION, "PermissionError")
INPUTS = ["(1,)", "(2,)"]
CANARY = "conself-canary"

# name: program, outcome on the first input, outcome on the second
HOSTILE: dict[str, tuple[str, tuple[Status, str], tuple[Status, str]]] = {
    "fork bomb": ("import os\ndef f(x):\n while True: os.fork()", DENIED, DENIED),
    "vfork": ("import _posixsubprocess, subprocess\ndef f(x): subprocess.run(['true'])", DENIED, DENIED),
    "exec": ("import os\ndef f(x): os.execv('/bin/true', ['true'])", DENIED, DENIED),
    "kill parent": ("import os, signal\ndef f(x): os.kill(os.getppid(), signal.SIGKILL)", DENIED, DENIED),
    "kill group": ("import os, signal\ndef f(x): os.killpg(0, signal.SIGKILL)", DENIED, DENIED),
    "kill all": ("import os, signal\ndef f(x): os.kill(-1, signal.SIGKILL)", DENIED, DENIED),
    "daemon": ("import os\ndef f(x):\n os.setsid()", DENIED, DENIED),
    "ptrace": (
        "import ctypes, os\ndef f(x):\n libc = ctypes.CDLL(None, use_errno=True)\n"
        " return libc.ptrace(16, os.getppid(), 0, 0), ctypes.get_errno()",
        (OK, '{"t":[-1,1]}'),
        (OK, '{"t":[-1,1]}'),
    ),
    "raise limits": (
        "import resource\ndef f(x): resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        (EXCEPTION, "ValueError"),
        (EXCEPTION, "ValueError"),
    ),
    "socket": ("import socket\ndef f(x): socket.socket()", DENIED, DENIED),
    "name look-up": (
        "import socket\ndef f(x): socket.getaddrinfo('localhost', 80)",
        (EXCEPTION, "gaierror"),
    )
    * 1
    + ((EXCEPTION, "gaierror"),),
    "write to home": (
        f"import os\ndef f(x): open(os.path.join({str(Path.home())!r}, '{CANARY}'), 'w')",
        DENIED,
        DENIED,
    ),
    "write to tmp": (f"def f(x): open('/tmp/{CANARY}', 'a')", DENIED, DENIED),
    "make folder": (f"import os\ndef f(x): os.mkdir('/tmp/{CANARY}')", DENIED, DENIED),
    "delete": ("import os\ndef f(x): os.unlink(os.__file__)", DENIED, DENIED),
    "read secrets": ("def f(x): return open('/etc/passwd').read()", DENIED, DENIED),
    "read other processes": (
        "import os\ndef f(x): return open(f'/proc/{os.getppid()}/environ').read()",
        DENIED,
        DENIED,
    ),
    "memory bomb": (
        "def f(x):\n a = []\n while x == 1: a.append(bytearray(1 << 20))\n return x",
        (Status.MEMORY, ""),
        (OK, "2"),
    ),
    "memory bomb that holds on": (
        "a = []\ndef f(x):\n while x == 1:\n  try: a.append(bytearray(1 << 20))\n  except MemoryError: pass\n return x",
        (TIMEOUT, ""),
        (OK, "2"),
    ),
    "output flood": ("import sys\ndef f(x):\n while True: sys.stdout.write('x' * 9999)", (TIMEOUT, ""), (TIMEOUT, "")),
    "value flood": (
        "def f(x):\n a = []\n for _ in range(60): a = [a, a]\n return a",
        (Status.OUTPUT_LIMIT, ""),
    )
    * 1
    + ((Status.OUTPUT_LIMIT, ""),),
    "os._exit": ("import os\ndef f(x):\n if x == 1: os._exit(0)\n return x", (EXIT, ""), (OK, "2")),
    "closes descriptors": ("import os\ndef f(x):\n os.closerange(0, 1024)\n return x", (OK, "1"), (OK, "2")),
    "replaces result file": ("import os\ndef f(x):\n os.dup2(0, 63)\n return x", DENIED, DENIED),
    "forges a result": (
        "import os, struct\ndef f(x):\n os.write(63, struct.pack('<BI', 0, 3) + b'666')\n os._exit(0)",
        (OK, "666"),
        (OK, "666"),
    ),
    "forges garbage": ("import os\ndef f(x):\n os.write(63, b'garbage')\n os._exit(0)", (KILLED, ""), (KILLED, "")),
    "forges many results": (
        "import os, struct\ndef f(x):\n if x == 1: os.write(63, (struct.pack('<BI', 0, 3) + b'666') * 99)\n return x",
        (OK, "666"),
        (OK, "2"),
    ),
    "empties result file": ("import os\ndef f(x):\n os.ftruncate(63, 0)\n os._exit(0)", (EXIT, ""), (EXIT, "")),
    "fills result file": (
        "import os\ndef f(x):\n while True: os.write(63, b'x' * 65536)",
        (KILLED, ""),
        (KILLED, ""),
    ),
    "patches everything": (
        "import builtins, json, os, struct, marshal, random, sys, signal\n"
        "def f(x):\n"
        " bad = lambda *a, **k: 666\n"
        " for m in (json, os, struct, marshal, random, signal, json.encoder):\n"
        "  for n in dir(m):\n"
        "   if not n.startswith('__'):\n"
        "    try: setattr(m, n, bad)\n"
        "    except Exception: pass\n"
        " for n in ('type', 'len', 'sorted', 'id', 'str', 'int', 'repr', 'list', 'isinstance', 'range', 'bytes'):\n"
        "  setattr(builtins, n, bad)\n"
        " return [x, 'a']",
        (OK, '[1,"a"]'),
        (OK, '[2,"a"]'),
    ),
    "equal to everything": (
        "class A:\n def __eq__(self, o): return True\n def __hash__(self): return 0\n def __repr__(self): return '1'\n"
        "def f(x): return A()",
        (OK, '{"o":"A"}'),
        (OK, '{"o":"A"}'),
    ),
    "exception that lies": (
        "class M(type):\n def __instancecheck__(c, o): 1 / 0\n __name__ = 'SystemExit'\n"
        "class E(BaseException, metaclass=M):\n __class__ = property(lambda s: 1 / 0)\n def __str__(s): 1 / 0\n"
        "def f(x): raise E",
        (EXCEPTION, "E"),
        (EXCEPTION, "E"),
    ),
    "exit with a lying code": (
        "class E(SystemExit):\n code = property(lambda s: 1 / 0)\ndef f(x): raise E(0)",
        (EXIT, ""),
        (EXIT, ""),
    ),
    "catches everything": (
        "def f(x):\n while True:\n  try:\n   while True: pass\n  except BaseException: pass",
        (TIMEOUT, ""),
        (TIMEOUT, ""),
    ),
    "ignores the timer": (
        "import signal\nsignal.signal(signal.SIGPROF, signal.SIG_IGN)\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nsignal.setitimer(signal.ITIMER_PROF, 0)\n"
        "def f(x):\n while True: pass",
        (TIMEOUT, ""),
        (TIMEOUT, ""),
    ),
    "ignores the timer and returns": (
        "import signal, time\ndef f(x):\n signal.setitimer(signal.ITIMER_PROF, 0)\n"
        " while time.process_time() < 1.3: pass\n return x",
        (TIMEOUT, ""),
        (TIMEOUT, ""),
    ),
    "hangs in C": ("def f(x): return 10 ** 10 ** 8 % 7", (TIMEOUT, ""), (TIMEOUT, "")),
    "hangs in a regex": (
        "import re\ndef f(x): return re.match('(a+)+$', 'a' * 64 + 'b')",
        (TIMEOUT, ""),
        (TIMEOUT, ""),
    ),
    "stack overflow": (
        "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n def __repr__(s): return repr(s)\n"
        "def f(x): return repr(A()) if x == 1 else x",
        (KILLED, ""),
        (OK, "2"),
    ),
    "crashes": ("import ctypes\ndef f(x): return ctypes.string_at(0) if x == 1 else x", (KILLED, ""), (OK, "2")),
    "walks the frames": (
        "import sys, gc\ndef f(x):\n frame, names = sys._getframe(), set()\n"
        " while frame: names |= set(frame.f_locals); frame = frame.f_back\n"
        " return any('expected' in n for n in names)",
        (OK, "false"),
        (OK, "false"),
    ),
    "imports the engine": (
        "def f(x):\n import conself",
        (EXCEPTION, "ModuleNotFoundError"),
    )
    * 1
    + ((EXCEPTION, "ModuleNotFoundError"),),
    "shared memory": (
        "import ctypes\ndef f(x): return ctypes.CDLL(None).shmget(1, 4096, 0o1777)",
        (OK, "-1"),
        (OK, "-1"),
    ),
    "many files": ("import os\ndef f(x):\n while True: os.pipe()", (EXCEPTION, "OSError"), (EXCEPTION, "OSError")),
    "many threads": (
        "import threading, time\ndef f(x):\n while True: threading.Thread(target=time.sleep, args=(9,)).start()",
        (EXCEPTION, "RuntimeError"),
        (EXCEPTION, "RuntimeError"),
    ),
    "bad name": (
        "f = lambda x: (_ for _ in ()).throw(type('E' * 5000, (Exception,), {}))",
        (EXCEPTION, "E" * 200),
        (EXCEPTION, "E" * 200),
    ),
    "nested source": (
        "f = " + "(" * 5000 + ")" * 5000,
        (Status.COMPILE_ERROR, "SyntaxError"),
    )
    * 1
    + ((Status.COMPILE_ERROR, "SyntaxError"),),
}
INNOCENT = (Outcome(OK, "[1]"), Outcome(OK, "[2]"))

needs_all_walls = pytest.mark.skipif("OFF" in isolation().replace("namespaces: OFF", ""), reason="a wall is missing")


@pytest.fixture(scope="module")
def rows(run: Callable[..., list[tuple[Outcome, ...]]]) -> list[tuple[Outcome, ...]]:
    programs: list[str | None] = []
    for index, (program, *_) in enumerate(HOSTILE.values()):
        programs += [f"def f(x): return [x] # {index}", program]
    programs.append("def f(x): return [x]")
    return run(programs, INPUTS, cpu_seconds=0.3, wall_seconds=10.0, memory_mb=128)


@needs_all_walls
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_program_gets_its_status_and_harms_no_other(name: str, rows: list[tuple[Outcome, ...]]) -> None:
    position = 2 * list(HOSTILE).index(name)
    before, hostile, after = rows[position : position + 3]
    assert hostile == tuple(Outcome(*expected) for expected in HOSTILE[name][1:])
    assert before == after == INNOCENT


@needs_all_walls
@pytest.mark.usefixtures("rows")
def test_nothing_is_left_behind() -> None:
    assert not list(Path("/tmp").glob(f"{CANARY}*"))
    assert not list(Path.home().glob(f"{CANARY}*"))


def test_no_descriptor_stays_open(run: Callable[..., list[tuple[Outcome, ...]]]) -> None:
    before = os.listdir("/proc/self/fd")
    run(["def f(x): return x"], INPUTS)
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_program_sees_three_descriptors_and_the_result_file(run: Callable[..., list[tuple[Outcome, ...]]]) -> None:
    program = (
        "import os\ndef f(x):\n found = []\n for n in range(64):\n"
        "  try: os.fstat(n); found.append(n)\n  except OSError: pass\n return found, dict(os.environ), os.getcwd()"
    )
    ((outcome,),) = run([program], ["(1,)"])
    assert outcome == Outcome(OK, '{"t":[[0,1,2,63],{"d":[]},"/"]}')


def test_hostile_stdin_programs_cannot_touch_the_next_run() -> None:
    hostile = (
        "import os, sys\n"
        "for n in range(64):\n"
        " try: os.ftruncate(n, 0); os.lseek(n, 4096, 0)\n"
        " except OSError: pass\n"
        "os.write(1, b'x')\nos._exit(0)"
    )
    echo = "print(input())"
    job = Job("j", (hostile, echo, hostile + "#", echo + "#"), None, ("a\n",))
    ((_, rows),) = execute([job], Limits(0.5, 5.0, 256, 64, 2), 1)
    assert rows[1] == rows[3] == (Outcome(OK, '"a\\n"'),)
