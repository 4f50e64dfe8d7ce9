"""Programs that leave something behind for their next input, and hostile stdin programs, as data. See hostile.py."""

from conself.sandbox import Status
from tests.sandbox.hostile import EXCEPTION, EXIT, KILLED, OK, TIMEOUT, TOO_LONG

# --- call programs: each gives the same value on every input of LEAK_INPUTS, if nothing is left from the one before ---

LEAK_INPUTS = ["(1,)", "(2,)", "(1,)"]
_COUNT = ".n = {0}.n + 1 if hasattr({0}, 'n') else 1\n return {0}.n"
LEAKS: dict[str, tuple[str, str]] = {
    "global": ("n = 0\ndef f(x):\n global n\n n += 1\n return n", "1"),
    "global list": ("a = []\ndef f(x): a.append(x); return len(a)", "1"),
    "list in a tuple": ("a = ([],)\ndef f(x): a[0].append(x); return len(a[0])", "1"),
    "deleted name": ("n = 1\ndef f(x):\n global n\n del n\n return 1", "1"),
    "replaced entry point": ("def f(x):\n global f\n f = len\n return 1", "1"),
    "class attribute": ("class A: n = 0\ndef f(x): A.n += 1; return A.n", "1"),
    "list of a class": ("class A: a = []\ndef f(x): A.a.append(x); return len(A.a)", "1"),
    "nested classes": (
        "class A:\n class B:\n  class C:\n   class D: n = 0\ndef f(x): A.B.C.D.n += 1; return A.B.C.D.n",
        "1",
    ),
    "metaclass": ("class M(type): n = 0\nclass A(metaclass=M): pass\ndef f(x): M.n += 1; return A.n", "1"),
    "subclasses": ("class A: pass\ndef f(x):\n A.b = type('B', (A,), {})\n return len(A.__subclasses__())", "1"),
    "instance": ("class A: n = 0\na = A()\ndef f(x): a.n += 1; return a.n", "1"),
    "exception class": ("class E(Exception): n = 0\ndef f(x): E.n += 1; return E.n", "1"),
    "default argument": ("def f(x, a=[]): a.append(x); return len(a)", "1"),
    "keyword default": ("def f(x, *, a=[]): a.append(x); return len(a)", "1"),
    "default of a property": (
        "class A:\n @property\n def p(self, a=[]): a.append(1); return len(a)\ndef f(x): return A().p",
        "1",
    ),
    "function attribute": ("def f(x):\n f" + _COUNT.format("f"), "1"),
    "closure": ("def g():\n n = 0\n def f(x):\n  nonlocal n\n  n += 1\n  return n\n return f\nf = g()", "1"),
    "generator": ("g = iter(range(9))\ndef f(x): return next(g)", "0"),
    "bound method": ("p = [1, 2, 3].pop\ndef f(x): return p()", "3"),
    "bound method of a class": ("class A: p = [1, 2, 3].pop\ndef f(x): return A.p()", "3"),
    "cache": (
        "from functools import cache\n@cache\ndef g(): return []\ndef f(x): g().append(x); return len(g())",
        "1",
    ),
    "cached property": (
        "from functools import cached_property as c\nclass A:\n @c\n def p(self): return []\n"
        "a = A()\ndef f(x): a.p.append(x); return len(a.p)",
        "1",
    ),
    "own generator of random numbers": (
        "import random\nr = random.Random(5).random\nfirst = random.Random(5).random()\ndef f(x): return r() == first",
        "true",
    ),
    "random": ("import random\ndef f(x): return random.randrange(10**6)", "885440"),
    "module attribute": ("import math\ndef f(x):\n math" + _COUNT.format("math"), "1"),
    "builtins": ("import builtins as b\ndef f(x):\n b" + _COUNT.format("b"), "1"),
    "own builtins": ("def f(x):\n b = __builtins__\n b" + _COUNT.format("b"), "1"),
    "modules": ("import sys\ndef f(x): sys.modules['n'] = 1 + sys.modules.get('n', 0); return sys.modules['n']", "1"),
    "abstract class": (
        "import abc\nclass A(abc.ABC): pass\nclass B: pass\n"
        "def f(x):\n o = isinstance(B(), A)\n A.register(B)\n return o",
        "false",
    ),
    "environment": ("import os\ndef f(x):\n o = dict(os.environ)\n os.environ['a'] = 'b'\n return o", '{"d":[]}'),
    "working directory": ("import os\ndef f(x):\n o = os.getcwd()\n os.chdir('/usr/lib')\n return o", '"/"'),
    "open descriptor": ("import os\ndef f(x): return os.open('/dev/null', 0)", "3"),
    "position of a file": ("import os\na = open(os.__file__, 'rb')\ndef f(x): a.read(9); return a.tell()", "9"),
    "decimal context": ("import decimal\ndef f(x):\n c = decimal.getcontext()\n c.prec -= 1\n return c.prec", "27"),
    "recursion limit": (
        "import sys\ndef f(x):\n o = sys.getrecursionlimit() > 2000\n sys.setrecursionlimit(5000)\n return o",
        "false",
    ),
    "garbage collection": ("import gc\ndef f(x):\n o = gc.isenabled()\n gc.disable()\n return o", "true"),
    "trace": ("import sys\ndef f(x):\n o = sys.gettrace() is None\n sys.settrace(lambda *a: None)\n return o", "true"),
    "standard output": (
        "import sys, io\ndef f(x):\n o = sys.stdout.name\n sys.stdout = io.StringIO()\n return o",
        '"<stdout>"',
    ),
    "filters of warnings": (
        "import warnings as w\ndef f(x):\n o = len(w.filters)\n w.simplefilter('error')\n return o < 9",
        "true",
    ),
    "locale": (
        "import locale as l\ndef f(x):\n o = l.setlocale(l.LC_ALL)\n l.setlocale(l.LC_ALL, 'C')\n return 'UTF-8' in o",
        "true",
    ),
    "signal handler": (
        "import signal as s\ndef f(x):\n o = s.getsignal(10) is s.SIG_DFL\n s.signal(10, s.SIG_IGN)\n return o",
        "true",
    ),
    "thread": (
        "import threading, time\na = []\ndef g():\n while True: a.append(1); time.sleep(0.001)\n"
        "def f(x):\n o = threading.active_count()\n threading.Thread(target=g, daemon=True).start()\n return o",
        "1",
    ),
    "import hook": ("import sys\ndef f(x):\n sys.meta_path.append(x)\n return len(sys.meta_path) < 5", "true"),
    "class of a library": ("from collections import Counter as C\ndef f(x):\n D = C\n D" + _COUNT.format("D"), "1"),
    "table of a library": (
        "import json\ndef f(x):\n t = json.decoder.BACKSLASH\n t.update({len(t): 0})\n return len(t)",
        "9",
    ),
    "globals by name": (
        "import operator\nb = operator.attrgetter('__globals__')(lambda: 0)['__builtins__']\ndef f(x):\n b"
        + _COUNT.format("b"),
        "1",
    ),
    "exec": ("def f(x):\n exec('global n\\nn = globals().get(\"n\", 0) + 1')\n return n", "1"),
}
# they get past the analysis, for the process itself remembers: only an audit sees it
AUDITED = {
    "CPU time": (
        "import time\ndef f(x):\n start = time.process_time()\n while time.process_time() < start + 0.06: pass\n"
        " return start < 0.06"
    ),
}

# --- stdin programs: what each gives on the inputs of STDIN_INPUTS ----------------------------------------------------

STDIN_INPUTS = ["1\n", "2\n", "1\n"]
Ends = tuple[tuple[Status, str], ...]


def text(*outputs: str) -> Ends:
    """OK with these outputs, each a line, or this one every time."""
    return tuple((OK, f'"{output}\\n"') for output in (outputs if len(outputs) == 3 else outputs * 3))


def always(status: Status, value: str = "") -> Ends:
    """The same end every time."""
    return ((status, value),) * 3


def second(status: Status, value: str = "") -> Ends:
    """This end on the second input; the others are printed as they are."""
    ((one, _, three), middle) = text("1", "2", "1"), (status, value)
    return one, middle, three


ECHO = text("1", "2", "1")
_N = "n = int(input())\n"
STDIN: dict[str, tuple[str, Ends]] = {
    "endless loop": (_N + "while n == 2: pass\nprint(n)", second(TIMEOUT)),
    "sleeps": (_N + "import time\nif n == 2: time.sleep(99)\nprint(n)", second(TIMEOUT)),
    "memory bomb": (_N + "a = [0] * (10**9 if n == 2 else 1)\nprint(n)", second(Status.MEMORY)),
    "output flood": (_N + "while n == 2: print('flood' * 99)\nprint(n)", second(TOO_LONG)),
    "output flood that goes on": (
        _N + "while n == 2:\n try: print('flood' * 99)\n except OSError: pass\nprint(n)",
        second(TOO_LONG),
    ),
    "huge sparse output": (
        _N + "import os\nif n == 2: os.ftruncate(1, 10**12)\nprint(n)",
        second(EXCEPTION, "OSError"),
    ),
    "crash": (_N + "import ctypes\nif n == 2: ctypes.string_at(0)\nprint(n)", second(KILLED)),
    "exit code": (_N + "if n == 2: exit(3)\nprint(n)", second(EXIT)),
    "leaves": (_N + "import os\nif n == 2: os._exit(3)\nprint(n)", second(EXIT)),
    "exception": (_N + "print(n)\n1 // (n - 2)", second(EXCEPTION, "ZeroDivisionError")),
    "fork": (_N + "import os\nos.fork()", always(EXCEPTION, "PermissionError")),
    "writes a file": ("open('/tmp/conself-canary', 'w')", always(EXCEPTION, "PermissionError")),
    "global": ("try: n += 1\nexcept NameError: n = 1\nprint(n)", text("1")),
    "module attribute": ("import math\nprint(hasattr(math, 'n'))\nmath.n = 1", text("False")),
    "builtins": ("import builtins\nprint(hasattr(builtins, 'n'))\nbuiltins.n = 1", text("False")),
    "main module": ("import __main__\nprint(hasattr(__main__, 'n'))\n__main__.n = 1", text("False")),
    "replaced output": ("import sys, io\nprint(input())\nsys.stdout = io.StringIO()\nprint('lost')", ECHO),
    "replaced input": ("import sys, io\nprint(input())\nsys.stdin = io.StringIO('0')", ECHO),
    "closed output": ("import sys\nprint(input())\nsys.stdout.close()", ECHO),
    "closed descriptors": ("import os\nprint(input(), flush=True)\nos.closerange(0, 64)", ECHO),
    "closed input": ("print(open(0).read(), end='')", ECHO),
    "wrapped output": ("import io, sys\nout = io.TextIOWrapper(sys.stdout.buffer)\nprint(input(), file=out)", ECHO),
    "output left in a buffer": ("out = open(1, 'w', closefd=False)\nprint(input(), file=out)", ECHO),
    "recursion limit": ("import sys\nprint(sys.getrecursionlimit() < 2000)\nsys.setrecursionlimit(9999)", text("True")),
    "stack size": ("import threading\nprint(threading.stack_size())\nthreading.stack_size(1 << 20)", text("0")),
    "names of threads": (
        "import threading\nt = threading.Thread(target=lambda: 0, name=None)\nt.start()\nprint(t.name[:8])",
        text("Thread-1"),
    ),
    "thread that writes later": (
        "import threading, time\ndef g():\n while True: print('late', flush=True) if time.sleep(0.01) else None\n"
        "threading.Thread(target=g, daemon=True).start()\nprint(input())",
        ECHO,
    ),
    "destructors at the end": ("class A:\n def __del__(s): print('end')\na = A()\na.a = a", text("end")),
    "exit handlers": ("import atexit\natexit.register(print, 'end')", text("end")),
    "exit handler that raises": ("import atexit\natexit.register(lambda: 1 / 0)\nprint(input())", ECHO),
    "exit handler that hangs": (
        _N + "import atexit\ndef g():\n while n == 2: pass\natexit.register(g)\nprint(n)",
        second(TIMEOUT),
    ),
    "warnings as errors": (
        "import warnings\nprint(len(warnings.filters) < 9)\nwarnings.simplefilter('error')",
        text("True"),
    ),
    "append mode": ("import fcntl\nprint(input())\nfor n in (0, 1, 2): fcntl.fcntl(n, fcntl.F_SETFL, 0o2000)", ECHO),
    "after append mode": (
        "import os\nos.write(1, b'ab')\nos.lseek(1, 0, 0)\nos.write(1, os.read(0, 1) + b'\\n')",
        ECHO,
    ),
    "writes to all descriptors": (
        "import os\nfor n in range(3, 63):\n try: os.write(n, b'9')\n except OSError: pass\nprint(input())",
        ECHO,
    ),
    "empties all descriptors": (
        "import os\nline = input()\nfor n in range(63):\n try: os.ftruncate(n, 0); os.lseek(n, 0, 0)\n"
        " except OSError: pass\nprint(line)",
        ECHO,
    ),
    "changes its input": ("import os\nos.pwrite(0, b'7', 0)\nprint(input())", text("7")),
    "forges garbage": ("import os\nprint(input(), flush=True)\nos.write(63, b'garbage')", always(KILLED)),
    "forges a result": (
        "import os, struct\nos.write(63, struct.pack('<BI', 0, 1) + b'7')\nprint(input())",
        ECHO,
    ),
    "forges an exception": (
        "import os, struct\nos.write(63, struct.pack('<BI', 1, 1) + b'E')\nos._exit(0)",
        always(EXCEPTION, "E"),
    ),
    "forges again and again": (
        "import os, struct\nos.ftruncate(63, 0)\nos.write(63, struct.pack('<BI', 103, 0) * 99)\nos._exit(0)",
        always(OK, '""'),
    ),
    "forges a long result": (
        "import os, struct\nos.ftruncate(63, 0)\nos.lseek(63, 0, 0)\n"
        "os.write(63, struct.pack('<BI', 0, 66000) + bytes(66000))\nos._exit(0)",
        always(KILLED),
    ),
    "not UTF-8": ("import os\nos.write(1, b'\\xff\\n')", text("\\udcff")),
}
