"""The work of a runner, behind the walls: compile, run, record. Standard library only.

Results go to RESULT_FD as frames (see :mod:`conself.sandbox.wire`). The child-side modules have private builtins
(see :mod:`conself.sandbox.boot`), so that a program that patches ``builtins``, ``json`` or ``os`` does not change the
recording: everything used after the program's first line is bound here or in C.
"""

import ast
import builtins
import sys
from collections.abc import Callable
from dataclasses import dataclass
from os import _exit, write
from signal import ITIMER_PROF, setitimer
from types import CodeType, ModuleType

from . import wire
from .canonical import TooLong, type_name
from .sources import Value
from .state import PROGRAM
from .walls import RESULT_FD

_exit_code: Callable[[SystemExit], object] = SystemExit.__dict__["code"].__get__
_pack = wire.FRAME.pack
_RECORDER_FAILED = 70


@dataclass(frozen=True)
class Task:
    """One run: a program on the inputs from ``start`` on (all, or only the first if ``exact``).

    ``inputs`` hold ``(is_marshal, bytes)``: a literal's text or its value as written by the trusted marshal for a
    call, the text for a stdin program, whose ``entry_point`` is None. ``seed`` puts the generators of random numbers
    into their first state. ``shifted`` moves the addresses of all that the program makes.
    """

    source: str
    entry_point: str | None
    inputs: list[tuple[bool, bytes]]
    start: int
    exact: bool
    shifted: bool
    cpu_seconds: float
    value_limit: int
    seed: Callable[[], None]

    @property
    def uses_random(self) -> bool:
        """Return whether to seed before each input; every runner starts with the zygote's seed anyway."""
        source = self.source  # identifiers may be written in more than one way if they are not ASCII
        return "random" in source or "statistics" in source or not source.isascii()


def record(kind: int, value: bytes = b"") -> None:
    """Append one frame to the results."""
    if write(RESULT_FD, _pack(kind, len(value)) + value) != wire.FRAME.size + len(value):
        _exit(_RECORDER_FAILED)


def guarded(step: Callable[[], object]) -> tuple[int, bytes, Value]:
    """Run a step of the program; return status, value to record, and its result or exit code. Runs no other code."""
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


def compile_or_leave(task: Task) -> CodeType:
    """Compile the program; on an error, record it for all inputs and end the process."""
    setitimer(ITIMER_PROF, task.cpu_seconds)
    source = task.source
    status, value, code = guarded(lambda: compile(source, PROGRAM, "exec", dont_inherit=True))
    if not isinstance(code, CodeType):
        record(wire.ALL, bytes((wire.COMPILE_ERROR,)) + (b"MemoryError" if status == wire.MEMORY else value))
        _exit(0)
    return code


def is_exact(task: Task, is_cleared: bool, leaks: Callable[[ast.Module], bool]) -> bool:
    """Return whether this run takes one input only: on request, or because the program may leak, which is recorded."""
    if task.exact or is_cleared:
        return task.exact
    try:
        exact = leaks(ast.parse(task.source))
    except (MemoryError, RecursionError, ValueError, SyntaxError):
        exact = True
    if exact:
        record(wire.EXACT)
    return exact


def fresh_module(name: str) -> dict[str, Value]:
    """Create the namespace of a new, registered module with the public builtins, not this module's own."""
    module = ModuleType(name)
    sys.modules[name] = module
    vars(module)["__builtins__"] = builtins
    return module.__dict__


def shift_addresses() -> list[object]:
    """Allocate objects of all small sizes, which shift the addresses of later ones, as in another run."""
    small = [[object(), float(n), 2**60 + n, (n,), [n], {n: n}, {n}] for n in range(31)]
    return [small, [bytes(size) for size in range(0, 512, 16) for _ in range(5)]]
