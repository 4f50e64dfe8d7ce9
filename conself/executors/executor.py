"""Define the interface through which stages run tasks: in this process, other processes or other machines."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeVar, TypeVarTuple, runtime_checkable

Item = TypeVar("Item")
Task = TypeVarTuple("Task")
_HERE_SECONDS = 2.0
_index = 0  # see worker_index


class Runner(Protocol):
    """Runs ``workers`` tasks at once, each on ``threads`` threads."""

    @property
    def workers(self) -> int:
        """Return how many tasks run at once."""

    @property
    def threads(self) -> int:
        """Return how many threads, or cores, each task has."""

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Yield the items of ``function(*task)`` as they arrive. Function, arguments and items must be picklable.

        Data is passed by path: a task reads and writes files that all machines see, and yields counts.

        Raises:
            ChildProcessError: a process was killed; the files that its task has written are kept for the next run. An
                executor that retries tasks raises :class:`LostTasksError`, once all other tasks are done.
        """


@runtime_checkable
class Overlapping(Protocol):
    """A runner that may have machines or cores of its own, so that its work can overlap with other workers'."""

    @property
    def overlaps(self) -> bool:
        """Return whether it has."""


class Executor(Runner, Protocol):
    """The part ``executor``, which runs the tasks of a job.

    It affects speed alone: no key of an artifact depends on it. It starts workers when they are first needed, keeps
    them warm, and ends them all with its ``with`` block, or with this process, even if that is killed.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None: ...

    def sized(self, workers: int, threads: int = 1) -> "Executor":
        """Return an executor with its own number of workers beside these, for example one engine per GPU."""

    def machines(self) -> Runner:
        """Return a runner with one worker per machine, for tasks that keep all of its cores (``threads``) busy."""

    def warm(self, modules: Sequence[str]) -> None:
        """Start the workers in the background and have each import ``modules``; without modules, start nothing."""

    def release(self) -> None:
        """End the workers and free their memory (GPU memory above all); the next ``run`` starts new ones."""

    def release_others(self) -> None:
        """End the workers of the executors that ``sized`` returned."""


@runtime_checkable
class Endable(Protocol):
    """An executor that can end tasks in the middle of an item, as a time limit requires."""

    def run_until(
        self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]], is_over: Callable[[], bool]
    ) -> Iterator[Item]:
        """Run tasks as :meth:`Runner.run` until ``is_over()``, which is called at least every 2 s.

        Then the workers that still run a task are killed, waiting tasks are dropped, and the iteration ends. The next
        run has workers in their place.
        """


class LostTasksError(ChildProcessError):
    """Workers died repeatedly over some tasks; all other tasks of the run are done.

    ``tasks`` holds the arguments of the lost tasks.
    """

    def __init__(self, text: str, tasks: Sequence[tuple[object, ...]]) -> None:
        super().__init__(text)
        self.tasks = tasks


@dataclass(frozen=True)
class Here:
    """Runs tasks in this process, one after the other; each starts processes of its own on ``threads`` cores."""

    threads: int
    workers: int = 1

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Yield the items of ``function(*task)`` for each task; raise as the function does."""
        for task in tasks:
            yield from function(*task)


class HereFirst:
    """Runs light tasks in this process for the first 2 s, and the remaining ones on ``executor``.

    A worker takes longer to start than most pools take to score.
    """

    def __init__(self, executor: Runner) -> None:
        self._executor = executor

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Yield the items of ``function(*task)`` for each task in order; raise as the function or the executor does."""
        left, start = deque(tasks), time.monotonic()
        while left and time.monotonic() - start < _HERE_SECONDS:
            yield from function(*left.popleft())
        if left:
            yield from self._executor.run(function, left)


def worker_index() -> int:
    """Return the index of this worker on its machine, 0 to ``workers`` - 1; 0 in any other process."""
    return _index


def become_worker(index: int) -> None:
    """Set the value that :func:`worker_index` returns in this process."""
    global _index
    _index = index
