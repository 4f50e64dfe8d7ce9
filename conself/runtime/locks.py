"""A lock on a file that says who has it to whoever waits.

The lock itself is the kernel's (flock), which lets go of it when its owner dies, however that happens. Beside it lies
a note of the owner: ``.KEY.owner`` beside ``.KEY.lock``. A note that is still there when the lock is free is that of
an owner who died. Whoever waits leaves a note as well, ``.KEY.HOST.PID.waiting``.
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from conself.runtime.console import new_console, say
from conself.runtime.progress import repeated


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that has a lock, its machine's name, and since when (ISO 8601, local time)."""

    pid: int
    host: str
    since: str

    @classmethod
    def this(cls) -> Self:
        """The one that asks, from now on."""
        return cls(os.getpid(), socket.gethostname(), datetime.now().astimezone().isoformat(" ", "seconds"))

    def is_gone(self) -> bool:
        """Whether it was a process of this machine and is there no more; on another machine nobody can tell."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False  # somebody else's
        return False

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} (since {self.since})"


@contextlib.contextmanager
def locked(path: Path, work: str) -> Iterator[None]:
    """Hold the lock file ``path``, which ends in ``.lock``, while the block runs; ``work`` names what it guards.

    Where another process has it, standard error says at once who, and goes on saying so until it is free; then whether
    that process, or an earlier one, died over its work.
    """
    lock, note = FileLock(path), path.with_suffix(".owner")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        _complain(_waiting(path, note, work))
        with _noted(waiting_note(path)), repeated(lambda: _complain(_waiting(path, note, work))):
            lock.acquire()
    try:
        before = read_owner(note)
        if before is not None:
            _complain(f"{work}: {before} ended before it was done; going on from what it has finished")
        with _noted(note):
            yield
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Whether some process holds the lock file ``path``; nothing is written, so that a read-only file will do.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def waiting_note(path: Path) -> Path:
    """Where this process says that it waits for the lock file ``path``."""
    this = Owner.this()
    return path.with_name(f"{path.stem}.{this.host}.{this.pid}.waiting")


@contextlib.contextmanager
def _noted(note: Path) -> Iterator[None]:
    """A note of this process at ``note`` while the block runs. A full disk is told of by who needs it."""
    with contextlib.suppress(OSError):
        note.write_text(json.dumps(asdict(Owner.this())))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            note.unlink(missing_ok=True)


def _waiting(path: Path, note: Path, work: str) -> str:
    owner = read_owner(note)
    if owner is None:
        return f"waiting for {work}: another process is at it ({path})"
    if owner.is_gone():
        return (
            f"waiting for {work}: {owner} is gone, and the lock is still held, by a process that it started or by a "
            f"file system that has not noticed; end such processes, or remove {path} where there are none"
        )
    return f"waiting for {work}: {owner} is at it ({path})"


def read_owner(note: Path) -> Owner | None:
    """Whose note it is; None where it is not there, or not yet whole."""
    try:
        return Owner(**json.loads(note.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _complain(text: str) -> None:
    say(new_console(stderr=True), text)
