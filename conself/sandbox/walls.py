"""The walls around untrusted code. Standard library only.

Everything inheritable is set up once, in the zygote; each runner adds only the restrictions that the zygote itself
cannot have. Six layers, each of which a test can leave out:

namespaces    no other process, network, file tree or user in sight (:mod:`conself.sandbox.namespaces`)
seccomp       allowlist of system calls (:mod:`conself.sandbox.seccomp`)
landlock      files below the libraries can be read, no other (:mod:`conself.sandbox.landlock`)
rlimits       address space, CPU time, file size, descriptors, stack, no core files
no_new_privs  no right can be gained
capabilities  none is left, for root neither

Levels: ``strong`` = all six. ``standard`` = seccomp, rlimits, no_new_privs and capabilities, and files confined: by
Landlock, by a file tree that holds nothing else (namespaces), or, where the kernel has neither, because no file can
be opened at all. ``weak`` = anything less.
"""

import ctypes
import platform
import resource
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from . import landlock, seccomp

LAYERS = ("namespaces", "seccomp", "landlock", "rlimits", "no_new_privs", "capabilities")
RESULT_FD = 63  # the last descriptor under the limit of 64
_MIB = 1 << 20
_STACK_BYTES = 64 * _MIB
_DUMPABLE, _SECCOMP, _NO_NEW_PRIVS = 4, 22, 38
_MODE_FILTER = 2
# PyDLL keeps the interpreter's lock, and libc's fork skips Python's at-fork hooks: sound with a single thread
_libc = ctypes.PyDLL(None)
_prctl = _libc.prctl
fork = _libc.fork


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


@dataclass(frozen=True, eq=False)
class Walls:
    """The walls in place, and those that each runner adds.

    ``layers``: those of LAYERS in place, in that order; ``files``: what confines them, "landlock", "mounts", "no
    opening" (a program can import nothing that is not loaded) or "OPEN"; ``report``: one line. For the runner:
    ``filter`` (a pointer to the program) and ``ruleset`` to put up, or None; whether it ``has_limits``, must be
    ``tied`` to the zygote's life, and must ``drop`` capabilities. ``may_fork``: it may leave processes behind, which
    the zygote can end, since no others are in its namespace.
    """

    level: str
    layers: dict[str, bool]
    files: str
    report: str
    filter: object | None
    ruleset: int | None
    has_limits: bool
    tied: bool
    drop: bool
    may_fork: bool


def _set(option: int, value: int) -> bool:
    return int(_prctl(option, value, 0, 0, 0)) == 0


def _program(code: bytes) -> object:
    return ctypes.byref(_Program(len(code) // 8, code))


def _install(program: object) -> bool:
    return int(_prctl(_SECCOMP, _MODE_FILTER, program, 0, 0)) == 0


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


def harden_zygote(without: Collection[str] = (), in_namespaces: bool = False, extra: Sequence[str] = ()) -> Walls:
    """Set up the inherited walls in this process, and determine those that each runner adds.

    ``without`` names the LAYERS to leave out, ``in_namespaces`` says whether :func:`namespaces.enter` succeeded,
    ``extra`` are files and folders that may be read beside the libraries. Afterwards this process can open files for
    reading only, and start no other program.
    """
    _set(_DUMPABLE, 0)
    wanted = {name: name not in without for name in LAYERS}
    if wanted["rlimits"]:
        _limit(resource.RLIMIT_CORE, 0, 0)
        _limit(resource.RLIMIT_MEMLOCK, 0, 0)
        _limit(resource.RLIMIT_NOFILE, RESULT_FD + 1, RESULT_FD + 1)
        _limit(resource.RLIMIT_STACK, _STACK_BYTES, resource.RLIM_INFINITY)
    no_new_privs = wanted["no_new_privs"] and _set(_NO_NEW_PRIVS, 1)
    details = {"seccomp": platform.machine(), "landlock": f"ABI {landlock.abi()}"}
    ruleset = landlock.make_ruleset(extra) if wanted["landlock"] else None
    has_landlock = ruleset is not None and _restrict(ruleset)
    code = seccomp.build_filter(platform.machine()) if wanted["seccomp"] else None
    has_seccomp = code is not None and _install(_program(code))
    # without no_new_privs a runner needs its capabilities for its own filter
    dropped = wanted["capabilities"] and (not no_new_privs or _drop_capabilities())
    files = "landlock" if has_landlock else "mounts" if in_namespaces else "no opening" if has_seccomp else "OPEN"
    own = seccomp.build_runner_filter(platform.machine(), RESULT_FD, files != "no opening") if has_seccomp else None
    stand = (in_namespaces, has_seccomp, has_landlock, wanted["rlimits"], no_new_privs, dropped)
    layers = dict(zip(LAYERS, stand, strict=True))
    level = _level(layers, files)
    return Walls(
        level=level,
        layers=layers,
        files=files,
        report=_report(level, layers, details, files),
        filter=None if own is None else _program(own),
        # entered once more by a runner, the rules also keep its signals from the zygote
        ruleset=ruleset if has_landlock and not has_seccomp else None,
        has_limits=wanted["rlimits"],
        tied=not in_namespaces,  # there, the end of process 1 is everyone's end
        drop=dropped and not no_new_privs,
        may_fork=in_namespaces and not has_seccomp,
    )


def _restrict(ruleset: int) -> bool:
    try:
        landlock.restrict_self(ruleset)
    except OSError:
        return False
    return True


def _level(layers: dict[str, bool], files: str) -> str:
    if all(layers.values()):
        return "strong"
    confined = all(on for name, on in layers.items() if name not in ("namespaces", "landlock")) and files != "OPEN"
    return "standard" if confined else "weak"


def _report(level: str, layers: dict[str, bool], details: dict[str, str], files: str) -> str:
    states = [
        f"{name} {'on' if on else 'OFF'}" + (f" ({details[name]})" if on and name in details else "")
        for name, on in layers.items()
    ]
    return f"{level}: {', '.join(states)}; files: {files}"
