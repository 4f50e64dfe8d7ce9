"""Run a task inside a Ray actor, item by item, as the driver requests more."""

import importlib
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVarTuple

from conself import __version__
from conself.executors.executor import become_worker
from conself.executors.shipping import Cargo, Change, Mirror
from conself.executors.threads import use_threads

Task = TypeVarTuple("Task")
MOST_BYTES = 4096
"""The largest size of an item; larger data belongs in a file, as it would fill the cluster's object store."""
_SECONDS = 0.2
"""The time in which items are gathered to be sent as one batch."""


@dataclass(frozen=True, slots=True)
class About:
    """The identity of an actor: the name of its machine, its process id, and the version of ConSelf that it runs."""

    host: str
    pid: int
    version: str

    @classmethod
    def this(cls) -> Self:
        """Return the identity of the current process."""
        return cls(socket.gethostname(), os.getpid(), __version__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Items of a task (possibly none), whether they are its last, its error if it failed, and its file changes."""

    items: tuple[Any, ...]
    is_last: bool
    error: Exception | None
    changes: tuple[Change, ...] = ()


class Actor:
    """One worker: the driver begins a task in it, then requests items until a batch is the last.

    ``path`` is the driver's import path; entries that this process lacks are added.
    """

    def __init__(self, threads: int, path: Sequence[str]) -> None:
        sys.path += [place for place in path if place not in sys.path]
        os.sched_setaffinity(0, range(os.cpu_count() or 1))  # the parent process may have bound this one to one core
        use_threads(threads)
        become_worker(0)  # an actor sees only the GPU that it is assigned
        self._items: Iterator[Any] = iter(())
        self._turn = 0
        self._mirror: Mirror | None = None  # None unless files are shipped

    def about(self) -> About:
        """Return the identity of this actor."""
        return About.this()

    def load(self, modules: Sequence[str]) -> None:
        """Import the modules that the first task needs."""
        for module in modules:
            importlib.import_module(module)

    def begin(
        self, turn: int, function: Callable[[*Task], Iterable[Any]], task: tuple[*Task], cargo: Cargo | None
    ) -> Batch:
        """Start this task, on copies of its files if there is ``cargo``, and return its first item at once."""
        self.end()
        if cargo is not None:
            self._mirror = self._mirror or Mirror()
            task = self._mirror.unpacked(task, cargo)
        self._items, self._turn = iter(function(*task)), turn
        return self.more(turn, 0.0)

    def more(self, turn: int, seconds: float = _SECONDS) -> Batch:
        """Return the items of the next ``seconds``, at least one unless the task ends; none if ``turn`` is outdated."""
        if turn != self._turn:
            return Batch((), False, None)
        items: list[Any] = []
        error: Exception | None = None
        is_last, until = False, time.monotonic() + seconds
        try:
            while not items or time.monotonic() < until:
                items.append(self._small(next(self._items)))
        except StopIteration:
            is_last = True
        except Exception as raised:
            is_last, error = True, portable(raised)
        return Batch(tuple(items), is_last, error, self._mirror.changes() if self._mirror is not None else ())

    def end(self) -> None:
        """Close the current task, if any; it ends with its current item."""
        close = getattr(self._items, "close", None)
        self._items, self._turn = iter(()), 0
        if close is not None:
            close()

    def leave(self) -> None:
        """Close the current task and remove all copies of files; the actor is not used again."""
        self.end()
        if self._mirror is not None:
            shutil.rmtree(self._mirror.root, ignore_errors=True)

    def _small(self, item: Any) -> Any:
        from ray import cloudpickle

        if self._mirror is not None:
            item = self._mirror.named_as_before(item)
        if (size := len(cloudpickle.dumps(item))) > MOST_BYTES:
            raise ValueError(
                f"a task yielded an item of {size:,} bytes, and {MOST_BYTES:,} are the most: "
                "tasks write what they make into files, and yield counts"
            )
        return item


def portable(error: Exception) -> Exception:
    """Return the error itself if it survives pickling, else a RuntimeError with its type and message."""
    from ray import cloudpickle

    try:
        copy = cloudpickle.loads(cloudpickle.dumps(error))
    except Exception:  # a class may raise anything when it is unpickled
        copy = None
    return (
        error
        if type(copy) is type(error) and str(copy) == str(error)
        else RuntimeError(f"{type(error).__name__}: {error}")
    )
