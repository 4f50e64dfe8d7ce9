"""What happens inside a runner, behind the walls: compile, run, record. Standard library only.

Results go to RESULT_FD as frames (see :mod:`conself.sandbox.wire`). The modules of the child side have builtins of
their own (see :mod:`conself.sandbox.boot`), so that a program that patches ``builtins``, ``json`` or ``os`` does not
change the recording: all that is used after the program's first line is bound here or in C.
"""

import ast
import atexit
import builtins
import gc
import marshal
import random
import sys
import threading
from ast import literal_eval
from collections.abc import Callable
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from os import _exit, write
from signal import ITIMER_PROF, setitimer
from types import CodeType, ModuleType
from typing import Any

from . import wire
from .canonical import TooLong, canonical, type_name
from .leaks import may_leak
from .walls import RESULT_FD

_collect, _load, _seed, _join_threads, _run_exit_functions = (
    gc.collect,
    marshal.loads,
    random.seed,
    threading._shutdown,  # type: ignore[attr-defined]
    atexit._run_exitfuncs,
)
_exit_code: Callable[[SystemExit], object] = SystemExit.__dict__["code"].__get__
_pack = wire.FRAME.pack
_type_dict = type.__dict__["__dict__"].__get__  # past anything that a metaclass defines
_type_bases = type.__dict__["__mro__"].__get__
_RECORDER_FAILED = 70

Entry = Callable[[], Callable[..., object]]


@dataclass(frozen=True)
class Task:
    """One run: a program on the call inputs from ``start`` on (all, or only the first if ``exact``).

    ``inputs`` hold ``(is_marshal, bytes)``: the literal's text, or its value as written by the trusted marshal.
    """

    source: str
    entry_point: str
    inputs: list[tuple[bool, bytes]]
    start: int
    exact: bool
    cpu_seconds: float
    value_limit: int

    @property
    def uses_random(self) -> bool:
        """Whether ``random`` must be seeded before each input; every runner starts with the zygote's seed anyway."""
        return "random" in self.source or "statistics" in self.source


def _record(kind: int, value: bytes = b"") -> None:
    if write(RESULT_FD, _pack(kind, len(value)) + value) != wire.FRAME.size + len(value):
        _exit(_RECORDER_FAILED)


def _guarded(step: Callable[[], object]) -> tuple[int, bytes, Any]:
    """Run a step of the program: status, value to record, what it returned or the exit code. Runs no other code."""
    try:
        return wire.OK, b"", step()
    except TooLong:
        return wire.OUTPUT_LIMIT, b"", None
    except MemoryError:
        return wire.MEMORY, b"", None
    except SystemExit as error:
        return wire.EXIT, b"", _exit_code(error)
    except BaseException as error:
        return wire.EXCEPTION, type_name(type(error)).encode(), None


def _compile_or_leave(source: str) -> CodeType:
    status, value, code = _guarded(lambda: compile(source, "<program>", "exec", dont_inherit=True))
    if not isinstance(code, CodeType):
        _record(wire.ALL, bytes((wire.COMPILE_ERROR,)) + (b"MemoryError" if status == wire.MEMORY else value))
        _exit(0)
    return code


def _fresh_module(name: str) -> dict[str, object]:
    module = ModuleType(name)
    sys.modules[name] = module
    vars(module)["__builtins__"] = builtins  # the public ones, not this module's own
    sys.setrecursionlimit(sys.getrecursionlimit() + 8)  # the frames below the program's first one
    return module.__dict__


def run_calls(task: Task) -> None:
    """Run a call program and record one frame per input; does not return."""
    setitimer(ITIMER_PROF, task.cpu_seconds)
    code = _compile_or_leave(task.source)
    exact = task.exact or _must_be_exact(task.source)
    if exact and not task.exact:
        _record(wire.EXACT)
    namespace = _fresh_module("candidate")
    status, value, _ = _guarded(lambda: exec(code, namespace))
    if status != wire.OK:
        _record(wire.ALL, bytes((status,)) + value)
        _exit(0)
    entry = _find(namespace, task.entry_point)
    if entry is None:
        _record(wire.ALL, bytes((wire.EXCEPTION,)) + b"NameError")
        _exit(0)
    _record(wire.READY)
    caches = [] if exact else _caches(namespace)
    stop = task.start + 1 if exact else len(task.inputs)
    for index in range(task.start, stop):
        status = _run_call(task, entry, task.inputs[index], caches)
        if status in (wire.MEMORY, wire.EXIT):
            break  # both may leave the process damaged: the next input gets a new one
    _exit(0)


def _run_call(task: Task, entry: Entry, data: tuple[bool, bytes], caches: list["_lru_cache_wrapper[Any]"]) -> int:
    is_marshal, blob = data
    arguments = _load(blob) if is_marshal else literal_eval(blob.decode("utf-8", "surrogatepass"))
    for cache in caches:
        cache.cache_clear()
    if task.uses_random:
        _seed(0)
    setitimer(ITIMER_PROF, task.cpu_seconds)
    status, value, text = _guarded(lambda: canonical(entry()(*arguments), task.value_limit))
    if status == wire.OK:
        value = text.encode("ascii")
    _record(status, value)
    return status


def _must_be_exact(source: str) -> bool:
    try:
        return may_leak(ast.parse(source))
    except (MemoryError, RecursionError, ValueError, SyntaxError):
        return True


def _find(namespace: dict[str, Any], name: str) -> Entry | None:
    """How to get the entry point anew for each input: the function, or the method of a fresh ``Solution``."""
    if name in namespace:
        return lambda: namespace[name]
    solution = namespace.get("Solution")
    if isinstance(solution, type) and any(name in _type_dict(base) for base in _type_bases(solution)):
        return lambda: getattr(solution(), name)
    return None


def _caches(namespace: dict[str, Any]) -> list["_lru_cache_wrapper[Any]"]:
    """The functools caches of the module and of its classes: they are emptied before each input."""
    found = list(namespace.values())
    for value in namespace.values():
        if isinstance(value, type):
            found.extend(_type_dict(value).values())
    return [value for value in found if type(value) is _lru_cache_wrapper]


def run_stdin(source: str, cpu_seconds: float) -> None:
    """Run a stdin program as a fresh interpreter would, exit handlers and flushing included; does not return."""
    setitimer(ITIMER_PROF, cpu_seconds)
    code = _compile_or_leave(source)
    namespace = _fresh_module("__main__")
    status, value, result = _guarded(lambda: exec(code, namespace))
    if status == wire.EXIT and (result is None or (type(result) in (int, bool) and result == 0)):
        status = wire.OK
    for step in (_join_threads, _run_exit_functions, _flush, namespace.clear, _collect, _flush):
        ending, _, _ = _guarded(step)
        if ending == wire.MEMORY:
            status = ending
    _record(status, value)
    _exit(0)


def _flush() -> None:
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None:
            stream.flush()
