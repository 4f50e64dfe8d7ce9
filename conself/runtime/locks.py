"""A lock on a file that says who has it to whoever waits.

The lock itself is the kernel's (flock), which lets go of it when its owner dies, however that happens. Beside it lies
a note of the owner: ``.KEY.owner`` beside ``.KEY.lock``. A note that is still there when the lock is free is that of
an owner who died.
"""

import contextlib
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
        with repeated(lambda: _complain(_waiting(path, note, work))):
            lock.acquire()
    try:
        before = _read(note)
        if before is not None:
            _complain(f"{work}: {before} ended before it was done; going on from what it has finished")
        with contextlib.suppress(OSError):  # a full disk is told of by who needs it
            note.write_text(json.dumps(asdict(Owner.this())))
        yield
    finally:
        with contextlib.suppress(OSError):
            note.unlink(missing_ok=True)
        lock.release()


def _waiting(path: Path, note: Path, work: str) -> str:
    owner = _read(note)
    if owner is None:
        return f"waiting for {work}: another process is at it ({path})"
    if owner.is_gone():
        return (
            f"waiting for {work}: {owner} is gone, and the lock is still held, by a process that it started or by a "
            f"file system that has not noticed; end such processes, or remove {path} where there are none"
        )
    return f"waiting for {work}: {owner} is at it ({path})"


def _read(note: Path) -> Owner | None:
    try:
        return Owner(**json.loads(note.read_text()))
    except (OSError, ValueError, TypeError):
        return None  # not there, or not yet whole


def _complain(text: str) -> None:
    say(new_console(stderr=True), text)
