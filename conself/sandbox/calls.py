"""Run a call program: load it once, then one call per input. Standard library only; see runner.py."""

import sys
from ast import literal_eval
from collections.abc import Callable
from marshal import loads
from os import _exit
from signal import ITIMER_PROF, setitimer
from types import BuiltinFunctionType, FunctionType

from . import wire
from .canonical import canonical
from .leaks import may_leak
from .runner import Task, compile_or_leave, fresh_module, guarded, is_exact, record, shift_addresses
from .screen import DENIED_IN_CALLS, clears, rebinds
from .sources import Value
from .state import MODULE, PROGRAM, capture, has_changed, is_fixed

_type_dict = type.__dict__["__dict__"].__get__  # past anything that a metaclass defines
_type_bases = type.__dict__["__mro__"].__get__
_recursion_limit, _set_recursion_limit = sys.getrecursionlimit, sys.setrecursionlimit
_FRAMES_BELOW = 11  # of ours, below the program's first one

Entry = Callable[[], Callable[..., object]]


def run_calls(task: Task) -> None:
    """Run a call program and record one frame per input; does not return."""
    code = compile_or_leave(task)
    ballast = shift_addresses() if task.shifted else None
    is_cleared = clears(code, DENIED_IN_CALLS)
    exact = is_exact(task, is_cleared, may_leak)
    namespace = fresh_module(MODULE)
    _set_recursion_limit(_recursion_limit() + _FRAMES_BELOW)
    status, value, _ = guarded(lambda: exec(code, namespace))
    if status != wire.OK:
        record(wire.ALL, bytes((status,)) + value)
        _exit(0)
    entry = find(namespace, str(task.entry_point))
    if entry is None:
        record(wire.ALL, bytes((wire.EXCEPTION,)) + b"NameError")
        _exit(0)
    is_clean = None if exact else _watch(namespace, is_cleared and not rebinds(code))
    if is_clean is None and not exact:
        record(wire.EXACT)
    record(wire.READY)
    _run_all(task, entry, is_clean)
    del ballast
    _exit(0)


def _watch(namespace: dict[str, Value], sets_nothing: bool) -> Callable[[], bool] | None:
    """Return a function that checks after a call whether the state is unchanged; None if that cannot be checked."""
    if sets_nothing and is_fixed(namespace):
        return lambda: True
    state = capture(namespace)
    return None if state is None else lambda: not has_changed(state, namespace)


def _run_all(task: Task, entry: Entry, is_clean: Callable[[], bool] | None) -> None:
    """Run call after call in this process while no state is left behind; only one call if that cannot be checked."""
    limit, count = _recursion_limit(), len(task.inputs)
    for index in range(task.start, count):
        status = _run_call(task, entry, task.inputs[index], index > task.start)
        if is_clean is None or status in (wire.MEMORY, wire.EXIT, wire.AGAIN):
            return  # or the process may be damaged: the next input gets a new one
        _set_recursion_limit(limit)  # first of all: the program may have lowered it
        if index + 1 < count and not is_clean():
            record(wire.AGAIN)
            return


def _run_call(task: Task, entry: Entry, data: tuple[bool, bytes], is_later: bool) -> int:
    is_marshal, blob = data
    setitimer(ITIMER_PROF, 0.0)  # the time of the program begins when its arguments are there
    status, value, text = guarded(
        lambda: loads(blob) if is_marshal else literal_eval(blob.decode("utf-8", "surrogatepass"))
    )
    if status == wire.OK:
        arguments = text
        if task.uses_random:
            task.seed()
        setitimer(ITIMER_PROF, task.cpu_seconds)
        status, value, text = guarded(lambda: canonical(entry()(*arguments), task.value_limit))
    if status == wire.MEMORY and is_later:
        status = wire.AGAIN  # earlier inputs may have taken the memory
    record(status, text.encode("ascii") if status == wire.OK else value)
    return status


def find(namespace: dict[str, Value], name: str) -> Entry | None:
    """Return a function that gets the entry point for each input: the function, or the method of a new ``Solution``.

    The method takes precedence over an imported function: ``from heapq import *`` binds ``merge``, for example.
    """
    is_there = name in namespace
    solution: Value = namespace.get("Solution")
    if is_there and (solution is None or not _is_imported(namespace[name])):
        return lambda: namespace[name]
    # not isinstance, which asks the object itself
    if issubclass(type(solution), type) and any(name in _type_dict(base) for base in _type_bases(solution)):
        return lambda: getattr(solution(), name)
    return (lambda: namespace[name]) if is_there else None


def _is_imported(value: Value) -> bool:
    """Return whether it is a function or class of a module, not of the program, without running the program's code."""
    kind = type(value)
    if kind is FunctionType:
        return bool(value.__code__.co_filename != PROGRAM)
    if kind is type:
        module = _type_dict(value).get("__module__")
        return type(module) is not str or module != MODULE
    return kind is BuiltinFunctionType
