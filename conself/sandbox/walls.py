"""The walls around untrusted code: put up once in the zygote, then around each runner. Standard library only."""

import ctypes
import os
import platform
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from . import landlock, seccomp

RESULT_FD = 63  # the last descriptor under the limit of 64
_MIB = 1 << 20
_STACK_BYTES = 64 * _MIB
_PDEATHSIG, _DUMPABLE, _SECCOMP, _NO_NEW_PRIVS = 1, 4, 22, 38
_MODE_FILTER = 2
_libc = ctypes.CDLL(None, use_errno=True)
_prctl = _libc.prctl
# PyDLL keeps the interpreter's lock, and libc's fork skips Python's at-fork hooks: sound with a single thread
fork = ctypes.PyDLL(None).fork


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


@dataclass(frozen=True)
class Walls:
    """What the kernel allows here: the Landlock rules and the seccomp filter (None: not available), and a report."""

    ruleset: int | None
    filter: bytes | None
    report: str


def _set(option: int, value: int) -> bool:
    return int(_prctl(option, ctypes.c_ulong(value), 0, 0, 0)) == 0


def _drop_capabilities() -> bool:
    """Give up every capability: root without them is an ordinary user who owns root's files."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    return int(_libc.capset(header, (ctypes.c_uint32 * 6)())) == 0


def _limit(kind: int, soft: int, hard: int) -> None:
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        hard = ceiling if hard == resource.RLIM_INFINITY else min(hard, ceiling)
        soft = min(soft, hard)
    resource.setrlimit(kind, (soft, hard))


def harden_zygote() -> Walls:
    """Take what can be taken once and is inherited, and find out which walls each runner can have."""
    _drop_capabilities()
    has_capabilities = _has_capabilities()
    privileges = _set(_NO_NEW_PRIVS, 1)
    _set(_DUMPABLE, 0)
    _limit(resource.RLIMIT_CORE, 0, 0)
    _limit(resource.RLIMIT_MEMLOCK, 0, 0)
    _limit(resource.RLIMIT_NOFILE, RESULT_FD + 1, RESULT_FD + 1)
    _limit(resource.RLIMIT_STACK, _STACK_BYTES, resource.RLIM_INFINITY)
    ruleset = landlock.make_ruleset()
    if ruleset is not None and not _works(partial(landlock.restrict_self, ruleset)):
        ruleset = None
    program = seccomp.build_filter(platform.machine(), RESULT_FD)
    if program is not None and not _works(partial(_install, program)):
        program = None
    states = {
        "no_new_privs": privileges,
        "rlimits": True,
        "no capabilities": not has_capabilities,
        f"seccomp ({platform.machine()})": program is not None,
        f"landlock (ABI {landlock.abi()})": ruleset is not None,
        "namespaces": False,
    }
    return Walls(ruleset, program, ", ".join(f"{name}: {'on' if on else 'OFF'}" for name, on in states.items()))


def _has_capabilities() -> bool:
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        return any(line.startswith("CapEff:") and int(line.split()[1], 16) != 0 for line in status)


def _works(step: Callable[[], None]) -> bool:
    """Try an irreversible step in a child process."""
    child = fork()
    if child == 0:
        try:
            step()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _install(program: bytes) -> None:
    argument = _Program(len(program) // 8, program)
    if _prctl(_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.byref(argument), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp filter refused")


def enter(walls: Walls, descriptors: tuple[int, int, int, int], limits: tuple[int, int, int], zygote: int) -> None:
    """Close the walls around this process, a fresh runner; OSError if a wall that worked before does not stand.

    ``descriptors`` become 0, 1, 2 and RESULT_FD, all others are closed; ``limits`` are address space in bytes, CPU
    seconds and file size in bytes; ``zygote`` is the parent's process id.
    """
    if not _set(_PDEATHSIG, signal.SIGKILL) or os.getppid() != zygote:
        os._exit(1)
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD,))
    if walls.ruleset is not None:
        landlock.restrict_self(walls.ruleset)
    for target, source in zip((0, 1, 2, RESULT_FD), descriptors, strict=True):
        os.dup2(source, target)
    address_space, cpu_seconds, file_size = limits
    _limit(resource.RLIMIT_AS, address_space, address_space)
    _limit(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)
    _limit(resource.RLIMIT_FSIZE, file_size, file_size)
    if walls.filter is not None:
        _install(walls.filter)
    os.closerange(3, RESULT_FD)
