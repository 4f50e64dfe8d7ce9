"""The gate: the first steps of a runner, which put it behind the walls. Standard library only.

After a fork every page of memory that is touched for the first time costs as much as several system calls. So the
zygote prepares the calls, with their arguments, and keeps them; the runner only goes through the list. The functions
are made here, side by side, and not taken from os, signal and resource, where each lies on pages of its own.
"""

import ctypes
import os
import resource
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from .walls import RESULT_FD, Walls

_libc = ctypes.PyDLL(None)  # keeps the interpreter's lock: nothing else runs here
_setsid, _sigprocmask, _dup2, _setrlimit, _prctl, _capset, _getppid, _syscall = (
    _libc.setsid,
    _libc.sigprocmask,
    _libc.dup2,
    _libc.setrlimit,
    _libc.prctl,
    _libc.capset,
    _libc.getppid,
    _libc.syscall,
)
_PDEATHSIG, _SECCOMP, _MODE_FILTER = 1, 22, 2
_CLOSE_RANGE, _RESTRICT_SELF = 436, 446  # the same on every architecture
_NO_SIGNALS = bytes(128)
_NO_CAPABILITIES = (struct.pack("II", 0x20080522, 0), bytes(24))
_UNUSED = 1 << 20  # a descriptor that is not open
_NO_LIMIT = (1 << 64) - 1

Step = tuple[Callable[..., int], tuple[object, ...]]


@dataclass(frozen=True)
class Plan:
    """Calls that must not return -1, and the expected process id of the parent afterwards (None: any)."""

    steps: tuple[Step, ...]
    zygote: int | None


@lru_cache(maxsize=64)
def prepare(walls: Walls, descriptors: tuple[tuple[int, int], ...], limits: tuple[int, int, int], zygote: int) -> Plan:
    """Prepare the calls of a runner.

    ``descriptors`` are pairs of source and target, no source among the targets, which are 0, 1, 2, and a row that
    ends with RESULT_FD; no other is open afterwards. ``limits`` are address space in bytes, CPU seconds and file size
    in bytes; ``zygote`` is the parent's process id.
    """
    steps: list[Step] = [(_setsid, ()), (_sigprocmask, (int(signal.SIG_SETMASK), _NO_SIGNALS, None))]
    if walls.tied:
        steps.append((_prctl, (_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)))
    if walls.ruleset is not None:
        steps.append((_syscall, (_RESTRICT_SELF, walls.ruleset, 0)))
    steps += [(_dup2, pair) for pair in descriptors]
    if walls.has_limits:
        steps += _limit_steps(limits)
    if walls.filter is not None:
        steps.append((_prctl, (_SECCOMP, _MODE_FILTER, walls.filter, 0, 0)))
    if walls.drop:
        steps.append((_capset, _NO_CAPABILITIES))
    # last: what goes wrong before can still be reported through a descriptor
    last = RESULT_FD + 3 - len(descriptors)
    can_close = _syscall(_CLOSE_RANGE, _UNUSED, _UNUSED, 0) == 0  # Linux 5.9
    steps.append((_syscall, (_CLOSE_RANGE, 3, last, 0)) if can_close else (_close_each, (3, last)))
    return Plan(tuple(steps), zygote if walls.tied else None)


def enter(plan: Plan) -> None:
    """Put this process, a new runner, behind the walls; OSError if a wall that worked before fails."""
    for function, arguments in plan.steps:
        if function(*arguments) < 0:
            raise OSError(f"{function.__name__}{arguments} was refused")
    if plan.zygote is not None and _getppid() != plan.zygote:
        os._exit(1)  # the parent died before this process was tied to it


def _limit_steps(limits: tuple[int, int, int]) -> list[Step]:
    steps: list[Step] = []
    for kind, limit in zip((resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE), limits, strict=True):
        ceiling = resource.getrlimit(kind)[1] % (_NO_LIMIT + 1)
        soft = min(limit, ceiling)
        # the hard limit of CPU time kills who ignores the signal of the soft one
        hard = min(limit + 1, ceiling) if kind == resource.RLIMIT_CPU else soft
        steps.append((_setrlimit, (int(kind), struct.pack("QQ", soft, hard))))
    return steps


def _close_each(first: int, last: int) -> int:
    os.closerange(first, last + 1)
    return 0
