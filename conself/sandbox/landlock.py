"""Landlock: restricts the files of a runner, whatever the user's rights. Standard library only; Linux 5.13 and later.

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
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
_PACKAGES = ("site-packages", "dist-packages")
_SYSTEM_PATHS = (
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
    """Return the Landlock ABI of the kernel; 0 without Landlock."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, 0, 1)))


def readable_paths(extra: Sequence[str] = ()) -> list[str]:
    """List the existing files and folders that a runner may read: the libraries, and ``extra`` (packages).

    The standard library's folder without third-party packages, and the shared libraries in the system's folders.
    """
    standard = [path for folder in _standard_library() for path in _children(folder) if not path.endswith(_PACKAGES)]
    folders = dict.fromkeys((*_LIBRARIES, str(sysconfig.get_config_var("LIBDIR"))))
    shared = [path for folder in folders for path in _children(folder) if _is_shared(os.path.basename(path))]
    return [*standard, *shared, *(path for path in (*_SYSTEM_PATHS, *extra) if os.path.exists(path))]


def _standard_library() -> list[str]:
    base = {"platbase": sys.base_exec_prefix}  # of the interpreter itself, not of a virtual environment
    return sorted({sysconfig.get_path(name, vars=base) for name in ("stdlib", "platstdlib")})


def _children(folder: str) -> list[str]:
    return sorted(entry.path for entry in os.scandir(folder)) if os.path.isdir(folder) else []


def _is_shared(name: str) -> bool:
    return ".so" in name or "-linux-" in name or name == "locale"


def make_ruleset(extra: Sequence[str] = ()) -> int | None:
    """Create a descriptor of the rules, with ``extra`` files and folders to read; None without Landlock."""
    version = abi()
    if version == 0:
        return None
    rights = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    attributes = struct.pack("<QQQ", rights, 3, 3)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = int(_libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0))
    if ruleset < 0:
        return None
    files = {path: _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0) for path in readable_paths(extra)}
    for path, allowed in {**dict.fromkeys(_standard_library(), _READ_DIR), **files}.items():  # importing lists folders
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        result = _libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("<Qi", allowed, descriptor), 0)
        os.close(descriptor)
        if result != 0:
            os.close(ruleset)
            return None
    return ruleset


def restrict_self(ruleset: int) -> None:
    """Apply the rules irreversibly; OSError if the kernel refuses. Needs no_new_privs or CAP_SYS_ADMIN."""
    if _libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "landlock_restrict_self failed")
