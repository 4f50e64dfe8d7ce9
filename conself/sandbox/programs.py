"""Run a stdin program as a new interpreter would, for one input or all. Standard library only; see runner.py."""

import atexit
import builtins
import decimal
import gc
import io
import marshal
import os
import resource
import sys
import threading
from collections.abc import Callable
from functools import wraps
from signal import ITIMER_PROF, setitimer
from types import CodeType

from . import wire
from .frames import SLACK
from .leaks import may_leak_main
from .runner import Task, compile_or_leave, fresh_module, guarded, is_exact, record, shift_addresses
from .screen import DENIED, clears
from .sources import Value
from .walls import RESULT_FD

STDIN_FD, STDOUT_FD = RESULT_FD - 2, RESULT_FD - 1
"""Where the fast path keeps the files behind standard input and output."""

_end_threading, _run_exit_functions = threading._shutdown, atexit._run_exitfuncs  # type: ignore[attr-defined]  # no stubs
_collect, _set_limit, _set_recursion_limit = gc.collect, resource.setrlimit, sys.setrecursionlimit
_dumps, _loads = marshal.dumps, marshal.loads
_set_context, _Context = decimal.setcontext, decimal.Context
_truncate, _seek, _write_at, _read_at, _duplicate, _stat = (
    os.ftruncate,
    os.lseek,
    os.pwrite,
    os.pread,
    os.dup2,
    os.fstat,
)
_open, _duplicate_one = io.open, os.dup
_STANDARD_INPUT, _WRITING = ("/dev/stdin", "/proc/self/fd/0"), frozenset("wax+")
_exit, _FSIZE, _RECURSION_LIMIT = os._exit, resource.RLIMIT_FSIZE, 1000
_FRAMES_BELOW = 14  # of ours, below the program's first one


def make_standard_streams() -> None:
    """Open standard streams as in ``python file < input > output``, on the first three descriptors."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        file = io.FileIO(number, mode, closefd=False)
        file.name = f"<{name}>"
        buffer = io.BufferedReader(file) if mode == "r" else io.BufferedWriter(file)
        # surrogateescape: the default of an interpreter in the C and C.UTF-8 locales
        errors = "backslashreplace" if number == 2 else "surrogateescape"
        stream = io.TextIOWrapper(buffer, "utf-8", errors, "\n", line_buffering=number == 2)  # so \r\n stays as it is
        vars(stream)["mode"] = mode
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def open_standard_input() -> None:
    """Make ``open("/dev/stdin")`` work: a runner's file tree has no ``/proc`` for it to point to."""

    @wraps(io.open)
    def open_file(file: Value, mode: Value = "r", *arguments: Value, **named: Value) -> Value:
        is_reading = type(mode) is str and not _WRITING.intersection(mode)
        if type(file) is str and file in _STANDARD_INPUT and is_reading and len(arguments) < 5:
            named.setdefault("opener", lambda *_: _duplicate_one(0))
        return _open(file, mode, *arguments, **named)

    builtins.open = io.open = open_file  # of the public builtins, not of these modules


def run_stdin(task: Task) -> None:
    """Run a stdin program and record a frame per input; does not return.

    On the exact path the frame of an OK is empty: the supervisor reads the captured output itself.
    """
    code = compile_or_leave(task)
    ballast = shift_addresses() if task.shifted else None
    hard = resource.getrlimit(_FSIZE)[1]
    _set_limit(_FSIZE, (min(hard, task.value_limit + SLACK), hard))
    if is_exact(task, clears(code, DENIED), may_leak_main):
        _run_one(task, code)
    else:
        _run_all(task, code, hard)
    del ballast
    _exit(0)


def _run_one(task: Task, code: CodeType) -> None:
    """Run one input, in a separate function so that the program has the same recursion depth either way."""
    os.closerange(STDIN_FD, STDOUT_FD + 1)  # only for the fast path; later inputs will not have them either
    status, value, _ = _run(task, code, _end_threading)
    record(status, value)


def _run_all(task: Task, code: CodeType, hard: int) -> None:
    """Run input after input in this process, each with its own streams, code, namespace and settings.

    The code is copied each time: the interpreter specialises code that has run, which changes its recursion depth.
    """
    blob = _dumps(code)
    for index in range(task.start, len(task.inputs)):
        _set_limit(_FSIZE, (hard, hard))
        _renew_input(task.inputs[index][1])
        make_standard_streams()
        _set_limit(_FSIZE, (min(hard, task.value_limit + SLACK), hard))
        status, value, is_flushed = _run(task, _loads(blob))
        _set_limit(_FSIZE, (hard, hard))
        size = _stat(STDOUT_FD).st_size
        if size > task.value_limit:
            status, value = wire.OUTPUT_LIMIT, b""
        elif status == wire.OK:
            value = _read_at(STDOUT_FD, size, 0)
        elif status == wire.MEMORY and index > task.start:
            status = wire.AGAIN  # earlier inputs may have taken the memory
        record(status, value)
        if status in (wire.MEMORY, wire.EXIT, wire.AGAIN):
            return
        if status == wire.OUTPUT_LIMIT or not is_flushed:  # buffered output would appear on the next input
            record(wire.AGAIN)
            return


def _renew_input(data: bytes) -> None:
    for kept, standard in ((STDIN_FD, 0), (STDOUT_FD, 1)):
        _truncate(kept, 0)
        _seek(kept, 0, 0)
        _duplicate(kept, standard)
    offset = 0
    while offset < len(data):
        offset += _write_at(STDIN_FD, data[offset : offset + (1 << 24)], offset)


def _run(task: Task, code: CodeType, *first_steps: Callable[[], None]) -> tuple[int, bytes, bool]:
    """Run from the first line to the interpreter's end; return status, value, and whether all output was flushed."""
    _set_recursion_limit(_RECURSION_LIMIT + _FRAMES_BELOW)
    _set_context(_Context())
    if task.uses_random:
        task.seed()
    setitimer(ITIMER_PROF, task.cpu_seconds)
    status, value, result = guarded(lambda: _execute(code))
    if status == wire.EXIT and _is_success(result):
        status = wire.OK
    is_flushed = True
    # the interpreter collects garbage before it clears its modules: it shows in the order of destructors only
    collect = _collect if "__del__" in task.source else int
    for step in (*first_steps, _run_exit_functions, _flush, collect, _forget, _flush):
        ending, _, _ = guarded(step)
        if ending == wire.MEMORY:
            status = ending
        elif step is _flush and ending != wire.OK:
            is_flushed = False
            status = wire.EXIT if status == wire.OK else status  # the interpreter's own exit code is 120 then
    return status, value, is_flushed


def _execute(code: CodeType) -> None:
    """Execute the program in a namespace that nothing else references."""
    namespace = fresh_module("__main__")
    namespace.update({"__annotations__": {}, "__file__": "main.py", "__cached__": None})
    exec(code, namespace)


def _is_success(code: object) -> bool:
    """Return whether the interpreter would end with exit code 0 after ``sys.exit(code)``."""
    return code is None or (type(code) in (int, bool) and -(2**63) <= code < 2**63 and code & 255 == 0)  # type: ignore[operator]  # ints


def _flush() -> None:
    stream = vars(sys).get("stdout")
    if stream is not None and not _is_closed(stream):
        stream.flush()


def _is_closed(stream: Value) -> bool:
    try:
        return bool(stream.closed)
    except Exception:
        return False


def _forget() -> None:
    """Drop the program, so that its destructors run, with the first streams in place, as at an interpreter's end."""
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, name, vars(sys).get(f"__{name}__"))
    vars(sys)["modules"].pop("__main__", None)
    _collect()
