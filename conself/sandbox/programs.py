"""Running a stdin program as a fresh interpreter would, for one input or all. Standard library only; see runner.py."""

import atexit
import gc
import io
import os
import resource
import sys
import threading
from collections.abc import Callable
from itertools import count
from signal import ITIMER_PROF, setitimer
from types import CodeType

from . import wire
from .frames import SLACK
from .leaks import may_leak_main
from .runner import Task, compile_or_leave, fresh_module, guarded, is_exact, record, shift_addresses
from .screen import clears
from .walls import RESULT_FD

STDIN_FD, STDOUT_FD = RESULT_FD - 2, RESULT_FD - 1
"""Where the fast path keeps the files behind standard input and output."""

_end_threading, _run_exit_functions = threading._shutdown, atexit._run_exitfuncs  # type: ignore[attr-defined]  # no stubs
_living_threads, _current_thread, _stack_size = threading.enumerate, threading.current_thread, threading.stack_size
_collect, _set_limit = gc.collect, resource.setrlimit
_truncate, _seek, _write_at, _read_at, _duplicate, _stat = (
    os.ftruncate,
    os.lseek,
    os.pwrite,
    os.pread,
    os.dup2,
    os.fstat,
)
_exit, _FSIZE, _RECURSION_LIMIT = os._exit, resource.RLIMIT_FSIZE, 1000
_FRAMES_BELOW = 8


def make_standard_streams() -> None:
    """Standard streams as ``python file < input > output`` has them, on the first three descriptors."""
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


def run_stdin(task: Task) -> None:
    """Run a stdin program and record a frame per input; does not return.

    On the exact path the frame of an OK is empty: the supervisor reads the captured output itself.
    """
    code = compile_or_leave(task)
    ballast = shift_addresses() if task.shifted else None
    hard = resource.getrlimit(_FSIZE)[1]
    _set_limit(_FSIZE, (min(hard, task.value_limit + SLACK), hard))
    if is_exact(task, clears(code), may_leak_main):
        os.closerange(STDIN_FD, STDOUT_FD + 1)  # only for the fast path; later inputs will not have them either
        record(*_run(task, code, _end_threading))
    else:
        _run_all(task, code, hard)
    del ballast
    _exit(0)


def _run_all(task: Task, code: CodeType, hard: int) -> None:
    """Input after input in this process, each with streams, a namespace and settings of its own."""
    for index in range(task.start, len(task.inputs)):
        _renew_input(task.inputs[index][1])
        make_standard_streams()
        vars(threading)["_counter"] = count(1).__next__  # for the names of threads
        _set_limit(_FSIZE, (min(hard, task.value_limit + SLACK), hard))
        status, value = _run(task, code, _join_threads)
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
        # daemons go on; the rest of too much output is still in a buffer, and would come out on the next input
        if status == wire.OUTPUT_LIMIT or len(_living_threads()) > 1:
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


def _join_threads() -> None:
    """What the interpreter's own end of threading does, which it does only once."""
    while others := [thread for thread in _living_threads() if thread is not _current_thread() and not thread.daemon]:
        for thread in others:
            thread.join()


def _run(task: Task, code: CodeType, end_threads: Callable[[], None]) -> tuple[int, bytes]:
    """One run from the first line to the end of the interpreter: exit handlers, threads, flushing."""
    sys.setrecursionlimit(_RECURSION_LIMIT + _FRAMES_BELOW)
    _stack_size(0)
    if task.uses_random:
        task.seed()
    setitimer(ITIMER_PROF, task.cpu_seconds)
    namespace = fresh_module("__main__")
    namespace["__file__"] = "main.py"
    status, value, result = guarded(lambda: exec(code, namespace))
    if status == wire.EXIT and (result is None or (type(result) in (int, bool) and result == 0)):
        status = wire.OK
    for step in (end_threads, _run_exit_functions, _flush, namespace.clear, _collect, _flush):
        ending, _, _ = guarded(step)
        if ending == wire.MEMORY:
            status = ending
    return status, value


def _flush() -> None:
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None:
            stream.flush()
