"""Hostile call programs that stay inside their process: they waste, forge, lie, and refuse to end. See hostile.py."""

import sys

from tests.sandbox.hostile import (
    DENIED,
    EXCEPTION,
    EXIT,
    KILLED,
    MEMORY,
    NOT_COMPILED,
    OK,
    TIMEOUT,
    TOO_LONG,
    UNHARMED,
    Ends,
    both,
    first,
)

# --- wasting time and memory -----------------------------------------------------------------------------------------

_NO_TIMER = (
    "import signal\nfor s in (signal.SIGPROF, signal.SIGALRM, signal.SIGXCPU): signal.signal(s, signal.SIG_IGN)\n"
    "signal.setitimer(signal.ITIMER_PROF, 0)\n"
)
WASTING: dict[str, tuple[str, Ends]] = {
    "endless loop": ("def f(x):\n while x == 1: pass\n return x", first(TIMEOUT)),
    "endless module": ("while True: pass", both(TIMEOUT)),
    "catches everything": (
        "def f(x):\n while x == 1:\n  try:\n   while True: pass\n  except BaseException: pass\n return x",
        first(TIMEOUT),
    ),
    "ignores the timer": (_NO_TIMER + "def f(x):\n while x == 1: pass\n return x", first(TIMEOUT)),
    "ignores the timer and returns": (
        _NO_TIMER + "import time\ndef f(x):\n while time.process_time() < 0.7: pass\n return x",
        both(TIMEOUT),
    ),
    "blocks all signals": (
        "import signal\ndef f(x):\n signal.pthread_sigmask(0, signal.valid_signals())\n while x == 1: pass\n return x",
        first(TIMEOUT),
    ),
    "waits for itself": (
        "import threading\ndef f(x):\n lock = threading.Lock()\n lock.acquire()\n return lock.acquire(x == 1) or x",
        first(TIMEOUT),
    ),
    "hangs in a power": ("def f(x): return 10 ** 10 ** 8 % 7 if x == 1 else x", first(TIMEOUT)),
    "hangs in a regex": (
        "import re\ndef f(x): return re.match('(a+)+$', 'a' * 64 + 'b') if x == 1 else x",
        first(TIMEOUT),
    ),
    "hangs in a sum": ("def f(x): return sum(range(10 ** 12)) if x == 1 else x", first(TIMEOUT)),
    "hangs in a destructor": (
        "class A:\n def __del__(self):\n  while True: pass\ndef f(x):\n if x == 1: A()\n return x",
        first(TIMEOUT),
    ),
    "hangs in a hash": (
        "class A:\n def __hash__(self):\n  while True: pass\ndef f(x): return {A()} if x == 1 else x",
        first(TIMEOUT),
    ),
    "prints for ever": ("def f(x):\n while x == 1: print('x' * 9999)\n return x", first(TIMEOUT)),
    "memory bomb": ("def f(x):\n a = []\n while x == 1: a.append(bytearray(1 << 20))\n return x", first(MEMORY)),
    "memory bomb that holds on": (
        "a = []\ndef f(x):\n while x == 1:\n  try: a.append(bytearray(1 << 20))\n  except MemoryError: pass\n return x",
        first(TIMEOUT),
    ),
    "string of a terabyte": ("def f(x): return len('x' * 10 ** 12) if x == 1 else x", first(MEMORY)),
    "list without end": ("def f(x): return len(list(range(10 ** 12))) if x == 1 else x", first(MEMORY)),
    "shared mapping": ("import mmap\ndef f(x): mmap.mmap(-1, x << 40)", both(EXCEPTION, "OSError")),
    "value flood": ("def f(x):\n a = []\n for _ in range(60): a = [a, a]\n return a", both(TOO_LONG)),
    "commas flood": ("def f(x): return [1] * 60000 if x == 1 else x", first(TOO_LONG)),
    "longest value": ("def f(x): return 'x' * 65534 if x == 1 else x", first(OK, f'"{"x" * 65534}"')),
    "too long value": ("def f(x): return 'x' * 65535 if x == 1 else x", first(TOO_LONG)),
    "many pipes": ("import os\ndef f(x):\n while True: os.pipe()", both(EXCEPTION, "OSError")),
    "huge sparse file": ("import os\ndef f(x): os.ftruncate(63, 1 << 50)", both(EXCEPTION, "OSError")),
    "many threads": (
        "import threading, time\ndef f(x):\n while True: threading.Thread(target=time.sleep, args=(9,)).start()",
        both(EXCEPTION, "RuntimeError"),
    ),
    "small threads": (
        "import _thread, time, threading\ndef f(x):\n threading.stack_size(1 << 15)\n"
        " for _ in range(99): _thread.start_new_thread(time.sleep, (9,))\n return x",
        UNHARMED,
    ),
}

# --- writing what only the runner should: results are frames <kind, length, value> on descriptor 63 ------------------

FORGE = (
    "import os, struct\ndef F(kind, value=b''): return struct.pack('<BI', kind, len(value)) + value\n"
    "def only(data): os.ftruncate(63, 0); os.lseek(63, 0, 0); os.write(63, data); os._exit(0)\n"
    "READY, EXACT, ALL, AGAIN = 100, 101, 102, 103\n"
)
FORGING: dict[str, tuple[str, Ends]] = {
    "a result": (FORGE + "def f(x): os.write(63, F(0, b'666')); os._exit(0)", both(OK, "666")),
    "many results": (FORGE + "def f(x): os.write(63, F(0, b'666') * 99); return x", both(OK, "666")),
    "garbage": (FORGE + "def f(x): os.write(63, b'garbage'); os._exit(0)", both(KILLED)),
    "garbage by print": (
        "import os\ndef f(x):\n os.dup2(63, 1)\n print('garbage', flush=True)\n return x",
        both(KILLED),
    ),
    "garbage without end": ("import os\ndef f(x):\n while True: os.write(63, b'x' * 65536)", both(KILLED)),
    "nothing": (FORGE + "def f(x): only(b'')", both(EXIT)),
    "a hole": (FORGE + "def f(x): os.lseek(63, 1000, 1); return x", both(KILLED)),
    "mapped memory": (
        FORGE + "import mmap\ndef f(x):\n os.ftruncate(63, 4096)\n m = mmap.mmap(63, 4096)\n"
        " m[:10] = F(1, b'Error')\n os._exit(0)",
        ((EXCEPTION, "Error"), (KILLED, "")),
    ),
}
# what the result file holds when the process ends; nothing here makes the zygote wait, loop or believe nonsense
_FORGED: dict[str, tuple[str, Ends]] = {
    "again": ("F(AGAIN)", both(EXIT)),
    "again and again": ("F(AGAIN) * 500", both(EXIT)),
    "again after a result": ("F(READY) + F(0, b'1') + F(AGAIN)", both(OK, "1")),
    "exact": ("F(EXACT) * 500", both(KILLED)),
    "exact after results": ("F(0, b'1') + F(0, b'2') + F(EXACT)", ((OK, "1"), (OK, "2"))),
    "ready": ("F(READY) * 500", both(KILLED)),
    "an end for all": ("F(ALL, b'\\1E')", both(EXCEPTION, "E")),
    "a value for all": ("F(ALL, b'\\0' + b'1')", both(KILLED)),
    "nothing for all": ("F(ALL)", both(KILLED)),
    "an end for all too late": ("F(0, b'1') + F(ALL, b'\\1E')", ((OK, "1"), (KILLED, ""))),
    "a time-out": ("F(2)", both(KILLED)),
    "a kill": ("F(6)", both(KILLED)),
    "a compile error": ("F(7)", both(KILLED)),
    "an unknown kind": ("F(200)", both(KILLED)),
    "memory with a value": ("F(3, b'1')", both(KILLED)),
    "a cut frame": ("F(0, b'123')[:-1]", both(KILLED)),
    "a cut header": ("F(0)[:-1]", both(KILLED)),
    "an endless frame": ("struct.pack('<BI', 0, 2**32 - 1)", both(KILLED)),
    "an endless name": ("F(1, b'E' * 1025)", both(KILLED)),
    "an empty name": ("F(1)", both(KILLED)),
    "a foreign name": ("F(1, 'É'.encode())", both(KILLED)),
    "the longest value": ("F(READY) + F(0, b'\"' + b'x' * 65534 + b'\"') + F(AGAIN)", both(OK, f'"{"x" * 65534}"')),
    "too long a value": ("F(READY) + F(0, b'\"' + b'x' * 65535 + b'\"') + F(AGAIN)", both(KILLED)),
    "nested lists": ("F(0, b'[' * 60000)", both(KILLED)),
    "101 nested lists": ("F(0, b'[' * 102 + b']' * 102)", both(KILLED)),
    "an endless number": ("F(0, b'9' * 60000)", both(KILLED)),
    "an endless number in a list": ("F(0, b'[' + b'9' * 60000 + b']')", both(KILLED)),
} | {
    f"not canonical: {text}": (f"F(0, {text.encode()!r})", both(KILLED))
    for text in ("", " 1", "01", "-0", "1.5", "NaN", "[1, 2]", '"é"', '"\\u0041"', '{"a":1}', '{"f":"1"}', '{"i":"ff"}')
}
FORGING |= {name: (f"{FORGE}def f(x): only({data})", ends) for name, (data, ends) in _FORGED.items()}

# --- values and exceptions that are not what they say ----------------------------------------------------------------

_ALWAYS = " def __eq__(self, o): return True\n def __hash__(self): return 0\n def __repr__(self): return '1'\n"
LYING: dict[str, tuple[str, Ends]] = {
    "equal to everything": (f"class A:\n{_ALWAYS}def f(x): return A()", both(OK, '{"O":["A",null]}')),
    "key equal to everything": (
        f"class A:\n{_ALWAYS}def f(x): return {{A(): 7}}",
        both(OK, '{"d":[[{"O":["A",null]},7]]}'),
    ),
    "lists": (
        f"class A(list):\n{_ALWAYS}def f(x): return [A([x])]",
        ((OK, '[{"O":["A",[1]]}]'), (OK, '[{"O":["A",[2]]}]')),
    ),
    "ints": (f"class A(int):\n{_ALWAYS}def f(x): return A(x)", ((OK, '{"O":["A",1]}'), (OK, '{"O":["A",2]}'))),
    "strings": (f"class A(str):\n{_ALWAYS}def f(x): return A(x)", ((OK, '{"O":["A","1"]}'), (OK, '{"O":["A","2"]}'))),
    "class": ("class A: __class__ = int\ndef f(x): return A()", both(OK, '{"O":["A",null]}')),
    "class name": ("def f(x): return type('list', (), {})()", both(OK, '{"O":["list",null]}')),
    "name of a metaclass": (
        "class M(type): __name__ = 'int'\nclass A(metaclass=M): pass\ndef f(x): return A()",
        both(OK, '{"O":["A",null]}'),
    ),
    "not a class": ("class A: __class__ = property(lambda s: 1 / 0)\nSolution = A()", both(EXCEPTION, "NameError")),
    "contains itself": ("def f(x):\n a = []\n a.append(a)\n return a", both(OK, '[{"r":1}]')),
    "nested without end": (
        "def f(x):\n a = []\n for _ in range(10**5): a = [a]\n return a",
        both(OK, "[" * 100 + '{"o":"list"}' + "]" * 100),
    ),
    "exception": (
        "class M(type):\n def __instancecheck__(c, o): 1 / 0\n __name__ = 'SystemExit'\n"
        "class E(BaseException, metaclass=M):\n __class__ = property(lambda s: 1 / 0)\n"
        " def __str__(s):\n  while True: pass\n __repr__ = __str__\ndef f(x): raise E",
        both(EXCEPTION, "E"),
    ),
    "exit code": ("class E(SystemExit): code = property(lambda s: 1 / 0)\ndef f(x): raise E(0)", both(EXIT)),
    "long name": (
        "f = lambda x: (_ for _ in ()).throw(type('E' * 5000, (Exception,), {}))",
        both(EXCEPTION, "E" * 200),
    ),
    "foreign name": ("class É(Exception): pass\ndef f(x): raise É", both(EXCEPTION, "\\xc9")),
    "interrupt": ("def f(x): raise KeyboardInterrupt", both(EXCEPTION, "KeyboardInterrupt")),
    "end of generator": ("def f(x): raise GeneratorExit", both(EXCEPTION, "GeneratorExit")),
    "end of iteration": ("def f(x): raise StopIteration", both(EXCEPTION, "StopIteration")),
    "group": ("def f(x): raise BaseExceptionGroup('', [SystemExit()])", both(EXCEPTION, "BaseExceptionGroup")),
    "memory": ("def f(x): raise MemoryError", both(MEMORY)),
    "own memory error": ("class E(MemoryError): pass\ndef f(x): raise E", both(MEMORY)),
    "own length error": ("class TooLong(Exception): pass\ndef f(x): raise TooLong", both(EXCEPTION, "TooLong")),
    "patches everything": (
        "import builtins, json, os, struct, marshal, random, sys, signal\ndef f(x):\n bad = lambda *a, **k: 666\n"
        " for m in (json, os, struct, marshal, random, signal, json.encoder):\n  for n in dir(m):\n"
        "   if not n.startswith('__'):\n    try: setattr(m, n, bad)\n    except Exception: pass\n"
        " for n in dir(builtins):\n  if n[0].islower() and n not in ('setattr', 'dir'): setattr(builtins, n, bad)\n"
        " sys.modules.clear()\n return [x, 'a']",
        ((OK, '[1,"a"]'), (OK, '[2,"a"]')),
    ),
    "looks for what is expected in frames": (
        "import sys\ndef f(x):\n frame, names = sys._getframe(), set()\n"
        " while frame: names |= set(frame.f_locals); frame = frame.f_back\n return any('expected' in n for n in names)",
        both(OK, "false"),
    ),
    "looks for what is expected in memory": (
        "import gc\ndef f(x):\n word = '-'.join(('conself', 'expected'))\n"
        " texts = [s for o in gc.get_objects() for s in gc.get_referents(o) if type(s) is str and s is not word]\n"
        " return any(word in s for s in texts)",
        both(OK, "false"),
    ),
    # the innocent programs around this one have the text "[x] #", and "[1]" as a result
    "looks for other programs and their results": (
        "import gc, sys\ndef f(x):\n frame, found = sys._getframe(), []\n"
        " while frame: found.append(repr(frame.f_locals)); frame = frame.f_back\n"
        " parts = [s for o in gc.get_objects() for s in gc.get_referents(o) if type(s) in (str, bytes, bytearray)]\n"
        " return [any(''.join(word) in text for text in found + list(map(repr, parts)))\n"
        "         for word in (('[x', '] #'), ('[1', ']'), ('def f', '(x)'))]",
        both(OK, "[false,false,true]"),
    ),
}

# --- ends, sources, and what is special to an interpreter ------------------------------------------------------------

_DEEP = both(EXCEPTION, "RecursionError") if sys.version_info >= (3, 12) else both(KILLED)
ENDING: dict[str, tuple[str, Ends]] = {
    "leaves": ("import os\ndef f(x):\n if x == 1: os._exit(0)\n return x", first(EXIT)),
    "leaves while loading": ("import os\nos._exit(0)", both(EXIT)),
    "kills itself": ("import signal\ndef f(x): signal.raise_signal(9)", DENIED),
    "aborts": ("import os\ndef f(x): return os.abort() if x == 1 else x", first(KILLED)),
    "crashes": ("import ctypes\ndef f(x): return ctypes.string_at(0) if x == 1 else x", first(KILLED)),
    "overflows the stack": (
        "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n def __repr__(s): return repr(s)\n"
        "def f(x): return repr(A())",
        _DEEP,
    ),
    "exit handlers": (
        "import atexit, os\ndef g():\n atexit.register(g)\n print('x')\n while True: pass\natexit.register(g)\n"
        "atexit.register(lambda: 1 / 0)\ndef f(x): return x",
        UNHARMED,
    ),
    "destructors at the end": (
        "class A:\n def __del__(s):\n  while True: pass\na = A()\nb = [a]\nb.append(b)\ndef f(x): return x",
        UNHARMED,
    ),
    "threads at the end": (
        "import threading\ndef g():\n while True: pass\n"
        "def f(x): threading.Thread(target=g, daemon=x == 1).start(); return x",
        UNHARMED,
    ),
    "traces the recorder": ("import sys, os\ndef f(x): sys.settrace(lambda *a: os._exit(0)); return x", both(EXIT)),
    "profile that raises": (
        "import sys\ndef f(x): sys.setprofile(lambda *a: 1 / 0)",
        both(EXCEPTION, "ZeroDivisionError"),
    ),
    "hook that raises": ("import sys\ndef f(x): sys.addaudithook(lambda *a: 1 / 0); return x", UNHARMED),
    "import hook": (
        "import sys\nclass F:\n def find_spec(*a): 1 / 0\nsys.meta_path.insert(0, F)\ndef f(x): import chess",
        both(EXCEPTION, "ZeroDivisionError"),
    ),
    "no streams": ("import sys\ndef f(x): sys.stdin = sys.stdout = sys.stderr = None; return x", UNHARMED),
    "closes descriptors": ("import os\ndef f(x): os.closerange(0, 1024); return x", UNHARMED),
    "closes its input": ("def f(x): open(0).close(); return x", UNHARMED),
    "reads its input": ("def f(x): return input()", both(EXCEPTION, "EOFError")),
    "debugger": ("def f(x): breakpoint()\n", both(EXCEPTION, "BdbQuit")),
    "help": ("def f(x): help()", both(EXCEPTION, "NameError")),  # of the site module, which is not loaded
    "import this": ("import this\ndef f(x): return x", UNHARMED),
    "coding line": ("# coding: rot13\ndef f(x): return x", UNHARMED),
    "form feeds": ("\f\ndef f(x):\f return x\f", UNHARMED),
    "byte-order mark": ("\ufeffdef f(x): return x", both(NOT_COMPILED, "SyntaxError")),
    "nested source": ("f = " + "(" * 5000 + ")" * 5000, both(NOT_COMPILED, "SyntaxError")),
    "deep source": ("f = " + "-" * 50000 + "1", both(NOT_COMPILED, "MemoryError")),
    "module that grows": ("f = " + "'a' * 10**9 + " * 20 + "''", both(MEMORY)),
}
INSIDE = {"wasting": WASTING, "forging": FORGING, "lying": LYING, "ending": ENDING}
