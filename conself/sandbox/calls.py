"""Running a call program: load it once, then one call per input. Standard library only; see runner.py."""

import sys
from ast import literal_eval
from collections.abc import Callable
from marshal import loads
from os import _exit
from signal import ITIMER_PROF, setitimer
from typing import Any

from . import wire
from .canonical import canonical
from .leaks import may_leak
from .runner import Task, caches, compile_or_leave, fresh_module, guarded, is_exact, record, shift_addresses
from .screen import clears, rebinds, uses
from .state import MODULE, capture, is_fixed

_type_dict = type.__dict__["__dict__"].__get__  # past anything that a metaclass defines
_type_bases = type.__dict__["__mro__"].__get__
_FRAMES_BELOW = 8  # of ours, below the program's first one

Entry = Callable[[], Callable[..., object]]


def run_calls(task: Task) -> None:
    """Run a call program and record one frame per input; does not return."""
    code = compile_or_leave(task)
    ballast = shift_addresses() if task.shifted else None
    is_cleared = clears(code) and not uses(code, "threading")
    exact = is_exact(task, is_cleared, may_leak)
    namespace = fresh_module(MODULE)
    sys.setrecursionlimit(sys.getrecursionlimit() + _FRAMES_BELOW)
    status, value, _ = guarded(lambda: exec(code, namespace))
    if status != wire.OK:
        record(wire.ALL, bytes((status,)) + value)
        _exit(0)
    entry = find(namespace, str(task.entry_point))
    if entry is None:
        record(wire.ALL, bytes((wire.EXCEPTION,)) + b"NameError")
        _exit(0)
    is_clean = None if exact else _watch(namespace, is_cleared and not rebinds(code))
    if is_clean is None:
        if not exact:
            record(wire.EXACT)
        record(wire.READY)
        _run_call(task, entry, task.inputs[task.start], [])
    else:
        record(wire.READY)
        _run_all(task, entry, caches(namespace), is_clean)
    del ballast
    _exit(0)


def _watch(namespace: dict[str, Any], sets_nothing: bool) -> Callable[[], bool] | None:
    """What tells after a call whether the state is as it is now; None where that cannot be told."""
    if sets_nothing and is_fixed(namespace):
        return lambda: True
    state = capture(namespace)
    return None if state is None else lambda: capture(namespace) == state


def _run_all(task: Task, entry: Entry, to_clear: list[Any], is_clean: Callable[[], bool]) -> None:
    """Call after call in this process, for as long as nothing is left behind."""
    limit, count = sys.getrecursionlimit(), len(task.inputs)
    for index in range(task.start, count):
        status = _run_call(task, entry, task.inputs[index], to_clear, index > task.start)
        if status in (wire.MEMORY, wire.EXIT, wire.AGAIN):
            return  # the process may be damaged: the next input gets a new one
        if index + 1 < count and not is_clean():
            record(wire.AGAIN)
            return
        sys.setrecursionlimit(limit)


def _run_call(task: Task, entry: Entry, data: tuple[bool, bytes], to_clear: list[Any], is_later: bool = False) -> int:
    is_marshal, blob = data
    arguments = loads(blob) if is_marshal else literal_eval(blob.decode("utf-8", "surrogatepass"))
    for cache in to_clear:
        cache.cache_clear()
    if task.uses_random:
        task.seed()
    setitimer(ITIMER_PROF, task.cpu_seconds)
    status, value, text = guarded(lambda: canonical(entry()(*arguments), task.value_limit))
    if status == wire.MEMORY and is_later:
        status = wire.AGAIN  # earlier inputs may have taken the memory
    record(status, text.encode("ascii") if status == wire.OK else value)
    return status


def find(namespace: dict[str, Any], name: str) -> Entry | None:
    """How to get the entry point anew for each input: the function, or the method of a fresh ``Solution``."""
    if name in namespace:
        return lambda: namespace[name]
    solution: Any = namespace.get("Solution")
    # not isinstance, which asks the object itself
    if issubclass(type(solution), type) and any(name in _type_dict(base) for base in _type_bases(solution)):
        return lambda: getattr(solution(), name)
    return None
