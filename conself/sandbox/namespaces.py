"""Namespaces: isolate the zygote in an environment with only the standard library. Standard library only.

Inside, it is process 1 of its process namespace, no network interface is up, the file tree is empty and read-only
except for the readable files at their usual places, and its user is unknown to the host. The process that was started
stays outside and waits: killing it kills everything inside.
"""

import ctypes
import os
import select
import signal
import struct
from collections.abc import Sequence
from typing import NoReturn

from .walls import fork

_libc = ctypes.CDLL(None, use_errno=True)
_MOUNTS, _CGROUPS, _NAMES, _IPC, _PROCESSES, _NETWORK = 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
_ALL = _MOUNTS | _CGROUPS | _NAMES | _IPC | _PROCESSES | _NETWORK
_USERS = 0x10000000
_USER = 1000  # user and group id inside
_PDEATHSIG, _SUBREAPER = 1, 36
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # the same on every architecture; the last is of Linux 5.12
_HERE, _EMPTY_PATH, _RECURSIVE = -100, 0x1000, 0x8000
_CLONE_TREE = 1 | os.O_CLOEXEC
_READ_ONLY, _NO_SUID, _NO_DEVICES = 1, 2, 4
_PRIVATE, _DETACH = 0x44000, 2  # MS_REC | MS_PRIVATE; MNT_DETACH
_LOOK_SECONDS = 0.5


def enter(parent: int, readable: Sequence[str]) -> int | None:
    """Move this single-threaded process into new namespaces; None, with nothing changed, if refused.

    ``readable`` are the files and folders that can be read inside, at the same places. What returns is a child: its
    os.getppid() stays at the value that is returned. The calling process waits for it, without returning, and ends
    with its exit code (128 + n for signal n); both end when the caller's parent is no longer the process ``parent``.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD,))
    _prctl(_SUBREAPER, 1)
    for users in (_USERS, 0):  # the second for root where user namespaces are switched off
        inside, outside = os.pipe()
        middle = fork()
        if middle == 0:
            os.close(outside)
            _become_inner(_ALL | users, readable, inside)
            return os.getppid()
        os.close(inside)
        if middle > 0 and os.waitpid(middle, 0)[1] == 0:
            os.write(outside, b"!")
            _wait(parent, outside)
        os.close(outside)
    _prctl(_SUBREAPER, 0)
    return None


def end_others() -> None:
    """Kill and reap every other process of this namespace; the caller must be its process 1."""
    try:
        while True:
            os.kill(-1, signal.SIGKILL)
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        pass


def _become_inner(flags: int, readable: Sequence[str], gate: int) -> None:
    """Build the namespaces, and return in a child inside them; this process ends with 0, or 1 if refused."""
    try:
        _unshare(flags)
        _confine(readable)
        child = fork()
    except OSError:
        os._exit(1)
    if child != 0:
        os._exit(child < 0)  # the child falls to the waiter
    # the gate opens when the process above is gone; it breaks when the waiter dies, before or after
    alive = os.read(gate, 1)
    _prctl(_PDEATHSIG, signal.SIGKILL)
    poll = select.poll()
    poll.register(gate, 0)
    if not alive or poll.poll(0):
        os._exit(1)
    os.close(gate)


def _wait(parent: int, gate: int) -> NoReturn:
    """Wait for the only child; it dies with this process, which ends when ``parent`` does."""
    os.closerange(0, gate)
    os.closerange(gate + 1, 1 << 16)
    while os.getppid() == parent:
        signal.sigtimedwait((signal.SIGCHLD,), _LOOK_SECONDS)
        done, status, _ = os.wait4(-1, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
    os._exit(1)


def _unshare(flags: int) -> None:
    user, group = os.geteuid(), os.getegid()
    _check(_libc.unshare(flags), "unshare")
    if flags & _USERS:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{_USER} {user} 1"), ("gid_map", f"{_USER} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    _libc.sethostname(b"sandbox", 7)


def _confine(readable: Sequence[str]) -> None:
    """Replace the file tree by one with only the readable files, and seal it."""
    _check(_libc.mount(None, b"/", None, _PRIVATE, None), "mount")
    # a place that is always there, and in the way of nothing that is readable
    _check(_libc.mount(b"tmpfs", b"/proc", b"tmpfs", _NO_SUID | _NO_DEVICES, b"mode=755,size=256k"), "mount")
    os.chdir("/proc")
    placed: list[str] = []
    for path in sorted(readable, key=len):
        real = _lead_to(path)
        if not any(real == other or real.startswith(f"{other}/") for other in placed):
            _bind(real)
            placed.append(real)
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")
    _seal(_HERE, b"/", 0, _READ_ONLY | _NO_SUID | _NO_DEVICES)


def _lead_to(path: str) -> str:
    """Create the folders and links of ``path`` below the working directory; return the path that the links lead to."""
    parts, done = path.strip("/").split("/"), ""
    for index, part in enumerate(parts):
        done = f"{done}/{part}"
        new = f".{done}"  # no link on the way: those are followed on the host's side
        if os.path.islink(done):
            target = os.readlink(done)
            if not os.path.lexists(new):
                os.symlink(target, new)
            return _lead_to(os.path.normpath(os.path.join(os.path.dirname(done), target, *parts[index + 1 :])))
        if not os.path.lexists(new):
            if os.path.isdir(done):
                os.mkdir(new)
            else:
                os.close(os.open(new, os.O_CREAT | os.O_WRONLY))
    return done


def _bind(path: str) -> None:
    """Bind-mount ``path`` below the working directory, read-only; a device stays a device."""
    tree = _check(_libc.syscall(_OPEN_TREE, _HERE, path.encode(), _CLONE_TREE | _RECURSIVE), "open_tree")
    is_folder = os.path.isdir(path)
    _seal(tree, b"", _EMPTY_PATH | _RECURSIVE, _READ_ONLY | _NO_SUID | (_NO_DEVICES if is_folder else 0))
    _check(_libc.syscall(_MOVE_MOUNT, tree, b"", _HERE, f".{path}".encode(), 4), "move_mount")
    os.close(tree)


def _seal(descriptor: int, path: bytes, flags: int, attributes: int) -> None:
    new = struct.pack("<QQQQ", attributes, 0, 0, 0)
    _check(_libc.syscall(_MOUNT_SETATTR, descriptor, path, flags, new, len(new)), "mount_setattr")


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")


def _check(result: int, name: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name} refused")
    return result
