"""Where tasks run: what stages know of it, whatever runs them. Here, in other processes, on other machines."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeVar, TypeVarTuple, runtime_checkable

Item = TypeVar("Item")
Task = TypeVarTuple("Task")
_HERE_SECONDS = 2.0
_index = 0  # of a worker: see worker_index


class Runner(Protocol):
    """Runs ``workers`` tasks at once, each on so many ``threads``."""

    @property
    def workers(self) -> int:
        """How many tasks run at once."""

    @property
    def threads(self) -> int:
        """On how many threads, or cores, each of them."""

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Whatever ``function(*task)`` yields, as it does. Function, arguments and items must be picklable.

        Work goes by path: a task reads and writes files that all machines see, and yields counts.

        Raises:
            ChildProcessError: a process was killed; what its task has written stays for the next run. An executor that
                tries again raises :class:`LostTasksError`, when all other tasks are done.
        """


@runtime_checkable
class Overlapping(Protocol):
    """Of a runner: whether it has machines, or cores, of its own, so that its work can go on beside other workers'."""

    @property
    def overlaps(self) -> bool:
        """Whether it has."""


class Executor(Runner, Protocol):
    """The part ``executor``: what runs the tasks of a job.

    It decides about speed alone: no key of an artifact depends on it. It starts nothing before it is needed, keeps warm
    what it has started, and ends all of it with its ``with`` block, or with this process, however that ends.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None: ...

    def sized(self, workers: int, threads: int = 1) -> "Executor":
        """Workers of another number that live beside these, for work that needs its own: one engine per GPU, say."""

    def machines(self) -> Runner:
        """One worker on each machine, for tasks that keep all of its cores, ``threads``, busy by themselves."""

    def warm(self, modules: Sequence[str]) -> None:
        """Start the workers and let each import ``modules`` while this process does something else; none: nothing."""

    def release(self) -> None:
        """End the workers and give back their memory (GPU memory above all); the next ``run`` starts new ones."""

    def release_others(self) -> None:
        """End the workers that ``sized`` made."""


class LostTasksError(ChildProcessError):
    """Tasks over which workers died again and again; all others of the run are done.

    ``tasks`` are their arguments.
    """

    def __init__(self, text: str, tasks: Sequence[tuple[object, ...]]) -> None:
        super().__init__(text)
        self.tasks = tasks


@dataclass(frozen=True)
class Here:
    """Runs tasks in this process, one after the other: those that start processes of their own on ``threads`` cores."""

    threads: int
    workers: int = 1

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Whatever ``function(*task)`` yields, as it does; raises as it does."""
        for task in tasks:
            yield from function(*task)


class HereFirst:
    """Light work: in this process for the first seconds, and only what is left then by ``executor``.

    A worker takes longer to start than most pools take to score.
    """

    def __init__(self, executor: Runner) -> None:
        self._executor = executor

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Whatever ``function(*task)`` yields, as it does, for the tasks in their order; raises as they do."""
        left, start = deque(tasks), time.monotonic()
        while left and time.monotonic() - start < _HERE_SECONDS:
            yield from function(*left.popleft())
        if left:
            yield from self._executor.run(function, left)


def worker_index() -> int:
    """Which worker of its machine this process is: 0 to ``workers`` - 1; 0 in any other process."""
    return _index


def become_worker(index: int) -> None:
    """Let :func:`worker_index` say ``index`` in this process, for good."""
    global _index
    _index = index
