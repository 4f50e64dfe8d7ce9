"""What runs inside an actor of Ray: a task, item by item, as its driver asks for more."""

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
"""Of an item: what is larger belongs into a file, and would fill the memory that a cluster's objects lie in."""
_SECONDS = 0.2
"""For which items are gathered before they travel together."""


@dataclass(frozen=True, slots=True)
class About:
    """Who an actor is: its machine's name, process id, and the version of ConSelf that it runs."""

    host: str
    pid: int
    version: str

    @classmethod
    def this(cls) -> Self:
        """Of the process that asks."""
        return cls(socket.gethostname(), os.getpid(), __version__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Items of a task, perhaps none; whether they are its last; how it failed; and how its files have changed."""

    items: tuple[Any, ...]
    is_last: bool
    error: Exception | None
    changes: tuple[Change, ...] = ()


class Actor:
    """One worker: the driver begins a task in it, then asks for its items until a batch is the last.

    ``path`` is what the driver imports from, where this process does not already.
    """

    def __init__(self, threads: int, path: Sequence[str]) -> None:
        sys.path += [place for place in path if place not in sys.path]
        os.sched_setaffinity(0, range(os.cpu_count() or 1))  # what started this process may have bound it to one core
        use_threads(threads)
        become_worker(0)  # a GPU that an actor is given is the only one that it sees
        self._items: Iterator[Any] = iter(())
        self._turn = 0
        self._mirror: Mirror | None = None  # where files are shipped

    def about(self) -> About:
        """Who this is."""
        return About.this()

    def load(self, modules: Sequence[str]) -> None:
        """Import what the first task will want."""
        for module in modules:
            importlib.import_module(module)

    def begin(
        self, turn: int, function: Callable[[*Task], Iterable[Any]], task: tuple[*Task], cargo: Cargo | None
    ) -> Batch:
        """Turn to this task, on copies of its files where there is ``cargo``; its first items."""
        self.end()
        if cargo is not None:
            self._mirror = self._mirror or Mirror()
            task = self._mirror.unpacked(task, cargo)
        self._items, self._turn = iter(function(*task)), turn
        return self.more(turn)

    def more(self, turn: int) -> Batch:
        """The items of the next moments, at least one unless the task has ended; none of another task than that one."""
        if turn != self._turn:
            return Batch((), False, None)
        items: list[Any] = []
        error: Exception | None = None
        is_last, until = False, time.monotonic() + _SECONDS
        try:
            while not items or time.monotonic() < until:
                items.append(self._small(next(self._items)))
        except StopIteration:
            is_last = True
        except Exception as raised:
            is_last, error = True, portable(raised)
        return Batch(tuple(items), is_last, error, self._mirror.changes() if self._mirror is not None else ())

    def end(self) -> None:
        """Close what is under way: a task ends with the item that it is at."""
        close = getattr(self._items, "close", None)
        self._items, self._turn = iter(()), 0
        if close is not None:
            close()

    def leave(self) -> None:
        """The same, for good: copies of files are removed."""
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
    """The error itself if it survives the way to the driver, else one that says the same."""
    from ray import cloudpickle

    try:
        copy = cloudpickle.loads(cloudpickle.dumps(error))
    except Exception:  # whatever a class does when it is made anew
        copy = None
    return (
        error
        if type(copy) is type(error) and str(copy) == str(error)
        else RuntimeError(f"{type(error).__name__}: {error}")
    )
