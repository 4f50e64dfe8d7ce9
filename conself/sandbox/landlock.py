"""Landlock: which files a runner can reach, whatever the user may. Standard library only; Linux 5.13 and later.

Reads are allowed below the standard library and the system's shared libraries, nothing can be written, created or
removed, no TCP (ABI 4), no signals to processes outside and no abstract sockets (ABI 6).
"""

import ctypes
import os
import struct
import sys
import sysconfig
from collections.abc import Sequence

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # ABI: number of rights that it knows
_SYSTEM_PATHS = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
)
_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """The Landlock ABI of the kernel; 0 where there is none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, 0, 1)))


def readable_paths(extra: Sequence[str] = ()) -> list[str]:
    """The files and folders that a runner may read: the libraries, and ``extra`` (packages); all exist."""
    base = {"platbase": sys.base_exec_prefix}  # of the interpreter itself, not of a virtual environment
    libraries = {sysconfig.get_path(name, vars=base) for name in ("stdlib", "platstdlib")}
    libraries.add(sysconfig.get_config_var("LIBDIR"))
    return [path for path in (*sorted(filter(None, libraries)), *_SYSTEM_PATHS, *extra) if os.path.exists(path)]


def make_ruleset(extra: Sequence[str] = ()) -> int | None:
    """A descriptor of the rules, with ``extra`` files and folders to read, or None where the kernel has no Landlock."""
    version = abi()
    if version == 0:
        return None
    rights = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    attributes = struct.pack("<QQQ", rights, 3, 3)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = int(_libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0))
    if ruleset < 0:
        return None
    for path in readable_paths(extra):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        allowed = _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0)
        result = _libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("<Qi", allowed, descriptor), 0)
        os.close(descriptor)
        if result != 0:
            os.close(ruleset)
            return None
    return ruleset


def restrict_self(ruleset: int) -> None:
    """Enter the rules for good; OSError if the kernel refuses. Needs no_new_privs or CAP_SYS_ADMIN."""
    if _libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "landlock_restrict_self failed")
