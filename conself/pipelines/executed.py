"""A cache of executed shards, keyed by the jobs they ran and shared between artifacts by hard links."""

import errno
import hashlib
import os
import shutil
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from uuid import uuid4

from conself.sandbox import Job, Limits, isolation
from conself.sandbox.lines import key, setting
from conself.store.artifacts import write_whole
from conself.store.tables import count

_FORM = 1
"""Of the files: raise it with the columns of traces and the fields of the sandbox's summary."""
_walls: dict[str, str] = {}
"""Of this process's machine, by limits: a look takes a tenth of a second."""
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}


@dataclass(frozen=True)
class Executed:
    """A folder of cached shards; ``walls`` is the isolation on ``host`` (:func:`conself.sandbox.isolation`).

    It only saves time: unreadable shards are run again, unwritable ones skipped, and the folder can be removed without
    losing a result. It takes no space: its files are hard links to those of artifacts.
    """

    folder: Path
    walls: str
    host: str = field(default_factory=socket.gethostname)

    def here(self, limits: Limits) -> Self:
        """The same with the walls of the machine that asks, which need not be the one that it was made on.

        Raises:
            IsolationError: they are lower than the limits require.
        """
        if (host := socket.gethostname()) == self.host:
            return self
        if (known := repr(limits)) not in _walls:
            _walls[known] = isolation(limits)
        return replace(self, walls=_walls[known], host=host)

    def place(self, jobs: Sequence[Job], limits: Limits) -> Path:
        """Return the path of the shard of these jobs; it depends on jobs, limits, isolation and the Python version."""
        scope = (_FORM, self.walls, *setting(limits))
        digest = hashlib.sha256(b"".join(key(scope, job) for job in jobs)).hexdigest()
        return self.folder / f"{digest}.parquet"

    def tidy(self) -> None:
        """Remove files that no artifact links to any more, so that removing an artifact frees its space."""
        with suppress(OSError):
            for path in self.folder.iterdir():
                with suppress(OSError):  # another process removes it as well
                    if path.stat().st_nlink == 1:
                        path.unlink()


def take(place: Path, path: Path, rows: int) -> bool:
    """Link or copy the cached shard of ``rows`` problems to ``path``; return whether a complete one was there."""
    try:
        if count(place) != rows:
            return False
        try:
            _link(place, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            write_whole(path, lambda temporary: shutil.copyfile(place, temporary))  # another user's, say
    except (OSError, ValueError):  # pyarrow's errors are ValueErrors
        return False
    return True


def give(path: Path, place: Path) -> None:
    """Link the shard at ``path`` into the cache, if the file system has links; it replaces a broken one."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        _link(path, place)


def _link(source: Path, target: Path) -> None:
    """Hard-link ``source`` as ``target``, atomically replacing a file of that name; neither is ever modified."""
    temporary = target.with_name(f".{target.name}.{uuid4().hex}.writing")
    try:
        os.link(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)  # replacing a name of the same file does nothing
