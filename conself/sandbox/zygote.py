"""The zygote: a clean single-threaded interpreter that takes jobs from the trusted process and forks the runners.

It never compiles or runs a program itself. Started through :mod:`conself.sandbox.boot`; standard library only.
"""

import _sitebuiltins
import ast
import builtins
import gc
import importlib
import io
import json
import marshal
import os
import random
import resource
import select
import signal
import sys
import traceback

from . import wire
from .supervise import Request, Setup, run_program
from .walls import harden_zygote

_PREIMPORTED = (
    "abc array bisect calendar cmath collections collections.abc contextlib copy dataclasses datetime decimal enum "
    "fractions functools heapq io itertools json math numbers operator os pprint queue random re statistics string "
    "struct sys textwrap threading time types typing unicodedata"
)


def main(requests: int, answers: int, parent: int) -> None:
    """Serve jobs from descriptor ``requests`` until it closes or the process ``parent`` is gone."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD,))  # collected with sigtimedwait
    sys.set_int_max_str_digits(0)
    os.environ.clear()
    for name in _PREIMPORTED.split():
        importlib.import_module(name)
    random.seed(0)
    _make_standard_streams()
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
    stdin, stdout, frames, trouble = (os.memfd_create("sandbox") for _ in range(4))
    null = os.open(os.devnull, os.O_RDWR)
    size = _own_size()
    walls = harden_zygote()
    setup = Setup(null, stdin, stdout, frames, trouble, walls, parent, os.getpid())
    gc.collect()
    gc.freeze()
    _send(answers, wire.HELLO, walls.report.encode())
    while (message := _receive(requests, parent)) is not None:
        try:
            _serve(setup, size, answers, message)
        except Exception:
            _send(answers, wire.FAILURE, traceback.format_exc().encode())


def _serve(setup: Setup, size: int, answers: int, message: bytes) -> None:
    job = json.loads(message)
    inputs: list[tuple[bool, bytes]] = []
    for index, text in enumerate(job["inputs"]):
        try:
            inputs.append(_prepare(text, job["entry_point"] is None))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            reason = f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace")[:500]
            _send(answers, wire.BAD_INPUT, wire.LENGTH.pack(index) + reason)
            return
    # the interpreter's size, with the copies of this job that a runner holds
    base = size + 4 * len(message)
    request = Request(job["entry_point"], inputs, base_size=base, **job["limits"])
    for source in job["programs"]:
        _send(answers, wire.PROGRAM, wire.pack_program(run_program(setup, request, source)))


def _prepare(text: str, is_stdin: bool) -> tuple[bool, bytes]:
    """An input as the runner gets it. A literal is parsed once here; the runner rebuilds it afresh for each call."""
    raw = text.encode("utf-8", "surrogatepass")
    if is_stdin:
        return False, raw
    value = ast.literal_eval(text)
    if type(value) is not tuple:
        raise ValueError(f"a literal of a tuple is needed, not of {type(value).__name__}")
    if "{" in text:  # marshal may change the order inside sets
        return False, raw
    try:
        return True, marshal.dumps(value)
    except ValueError:  # nested too deeply for marshal
        return False, raw


def _make_standard_streams() -> None:
    """Standard streams as `python file < input > output` has them, on the descriptors that a runner will get."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        file = io.FileIO(number, mode, closefd=False)
        file.name = f"<{name}>"
        buffer = io.BufferedReader(file) if mode == "r" else io.BufferedWriter(file)
        # surrogateescape: what a plain interpreter takes in the C and C.UTF-8 locales
        errors, newline = ("backslashreplace" if number == 2 else "surrogateescape"), (None if mode == "r" else "\n")
        stream = io.TextIOWrapper(buffer, "utf-8", errors, newline, line_buffering=number == 2)
        vars(stream)["mode"] = mode
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _own_size() -> int:
    """The address space of this process, in bytes."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def _receive(descriptor: int, parent: int) -> bytes | None:
    header = _read(descriptor, wire.LENGTH.size, parent)
    return None if header is None else _read(descriptor, wire.LENGTH.unpack(header)[0], parent)


def _read(descriptor: int, size: int, parent: int) -> bytes | None:
    """Exactly ``size`` bytes, or None at the end of the stream or when the trusted process is gone."""
    data = bytearray()
    while len(data) < size:
        while not select.select([descriptor], [], [], 0.5)[0]:
            if os.getppid() != parent:
                return None
        part = os.read(descriptor, min(size - len(data), 1 << 20))
        if not part:
            return None
        data += part
    return bytes(data)


def _send(descriptor: int, kind: bytes, body: bytes) -> None:
    data = memoryview(wire.LENGTH.pack(len(kind) + len(body)) + kind + body)
    while data:
        data = data[os.write(descriptor, data) :]
