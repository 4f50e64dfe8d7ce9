"""A lock on a file that tells waiting processes who holds it.

The lock itself is the kernel's (flock), which releases it when its owner dies, however that happens. Beside it is a
note of the owner: ``.KEY.owner`` beside ``.KEY.lock``. A note that remains when the lock is free belongs to an owner
that died. Waiting processes leave a note as well, ``.KEY.HOST.PID.waiting``.
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

_held: list[Path] = []  # by this process, from the outermost to the innermost


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that holds a lock, its machine's name, and the time since then (ISO 8601, local time)."""

    pid: int
    host: str
    since: str

    @classmethod
    def this(cls) -> Self:
        """Return this process as an owner, from now on."""
        return cls(os.getpid(), socket.gethostname(), datetime.now().astimezone().isoformat(" ", "seconds"))

    def is_gone(self) -> bool:
        """Return whether it was a process of this machine and has ended; unknown for another machine."""
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

    If another process holds it, standard error names that process at once and repeatedly until it is free, and then
    says whether that process, or an earlier one, died before finishing.
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
            _complain(f"{work}: {before} ended before it was done; continuing from the parts that it finished")
        with _noted(note):
            _held.append(path)
            try:
                yield
            finally:
                _held.remove(path)
    finally:
        lock.release()


def innermost_lock() -> Path | None:
    """Return the lock file that this process has acquired last and still holds: what its current work is guarded by."""
    return _held[-1] if _held else None


def is_held(path: Path) -> bool:
    """Return whether some process holds the lock file ``path``, without writing, so that it may be read-only.

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
    """Return the path of this process's waiting note for the lock file ``path``."""
    this = Owner.this()
    return path.with_name(f"{path.stem}.{this.host}.{this.pid}.waiting")


@contextlib.contextmanager
def _noted(note: Path) -> Iterator[None]:
    """Keep a note of this process at ``note`` while the block runs. A full disk is ignored here."""
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
    """Read the owner from a note; None if it does not exist, or is incomplete."""
    try:
        return Owner(**json.loads(note.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _complain(text: str) -> None:
    say(new_console(stderr=True), text)
