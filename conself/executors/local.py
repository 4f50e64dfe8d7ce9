"""Worker processes on this machine: ``executor: local``."""

import ctypes
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.queues import SimpleQueue
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from types import TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple

from conself.executors.executor import Here, Runner, become_worker
from conself.executors.threads import use_threads

Item = TypeVar("Item")
Task = TypeVarTuple("Task")
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.05

Yielded = SimpleQueue[Any]
"""Of what tasks yield: of one type in each run, of any over the life of a worker."""

# Of a worker process: where what its task yields goes, and whether anybody wants more.
_yielded: Yielded | None = None
_stopped: Event | None = None


@dataclass(eq=False)
class LocalExecutor:
    """``workers`` processes of so many ``threads``, started at first use and kept warm until the block ends.

    Two single-threaded shards decode faster than one shard on two threads. Processes are spawned, not forked, because
    torch's thread pools do not survive a fork, and one imports torch only where its work does. They die with their
    parent, so that a killed run leaves none.

    Raises:
        ValueError: fewer than one worker, or thread.
    """

    workers: int
    threads: int = 1
    _executor: ProcessPoolExecutor | None = field(default=None, init=False, repr=False)
    _queue: Yielded | None = field(default=None, init=False, repr=False)
    _stop: Event | None = field(default=None, init=False, repr=False)
    _futures: list[Future[None]] = field(default_factory=list, init=False, repr=False)
    _others: dict[tuple[int, int], "LocalExecutor"] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for name, number in (("workers", self.workers), ("threads", self.threads)):
            if number < 1:
                raise ValueError(f"executor.{name} must be at least 1, got {number}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def sized(self, workers: int, threads: int = 1) -> "LocalExecutor":
        """Processes of another number that live beside these, for work that needs its own: one engine per GPU, say."""
        if (workers, threads) == (self.workers, self.threads):
            return self
        return self._others.setdefault((workers, threads), LocalExecutor(workers, threads))

    def machines(self) -> Runner:
        """The process of the job: the ones that such tasks start are started from it, and none has to stand between."""
        return Here(self.workers * self.threads)

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Whatever ``function(*task)`` yields, as it does. Function, arguments and items must be picklable.

        An exception in a task is raised here once; tasks not yet started are dropped, running ones end with the item
        that they are at, which is waited for. Items should be small (4 kB): only then does a kill never cut one in two.

        Raises:
            ChildProcessError: a worker was killed.
        """
        executor, stop = self._started()
        stop.clear()
        try:
            for task in tasks:
                self._futures.append(executor.submit(_work, function, task))
            pending = set(self._futures)
            while pending:
                done, pending = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                yield from self._arrived()  # a task's last item is in the queue before the task is done
                for future in done:
                    future.result()
        except BrokenProcessPool as error:
            self.release()
            raise ChildProcessError(
                "a worker process was killed, most likely for lack of memory; lower executor.workers or the batch_size "
                "under a part's runtime, and run the same command again: finished shards are kept"
            ) from error
        finally:
            self._end()

    def warm(self, modules: Sequence[str]) -> None:
        """Start the processes and let each import ``modules`` while this process does something else.

        Without modules nothing is started: other work may never need the processes.
        """
        if modules:
            for _ in range(self.workers):
                self._started()[0].submit(_import, modules)

    def _end(self) -> None:
        """Wait for running tasks, so that nobody writes into an artifact after its lock is given back."""
        if self._stop is not None:
            self._stop.set()
        for future in self._futures:
            future.cancel()
        pending = set(self._futures)
        while pending:
            _, pending = wait(pending, timeout=_POLL_SECONDS)
            for _ in self._arrived():
                pass  # not to be taken for the next run's; and a full pipe would hold up its task for ever
        for _ in self._arrived():
            pass
        self._futures = []

    def _arrived(self) -> Iterator[Any]:
        while self._queue is not None and not self._queue.empty():
            yield self._queue.get()

    def _started(self) -> tuple[ProcessPoolExecutor, Event]:
        if self._executor is None or self._stop is None:
            context = multiprocessing.get_context("spawn")
            self._queue = context.SimpleQueue()
            self._stop = context.Event()
            initial = (os.getpid(), self.threads, context.Value("i", 0), self._queue, self._stop)
            self._executor = ProcessPoolExecutor(self.workers, context, _start_worker, initial)
        return self._executor, self._stop

    def release(self) -> None:
        """End the processes and give back their memory (GPU memory above all); the next ``run`` starts new ones."""
        self.release_others()
        if self._executor is not None:
            self._end()
            self._executor.shutdown(cancel_futures=True)
            self._executor = None

    def release_others(self) -> None:
        """End the processes that ``sized`` made."""
        for other in self._others.values():
            other.release()
        self._others.clear()


def _start_worker(parent: int, threads: int, started: "Synchronized[int]", queue: Yielded, stopped: Event) -> None:
    global _yielded, _stopped
    use_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C and waits for the shard at hand
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # nor a batch system's word to all processes that time is up
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
    with started.get_lock():
        become_worker(started.value)
        started.value += 1
    _yielded, _stopped = queue, stopped


def _import(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


def _work(function: Callable[[*Task], Iterable[Item]], task: tuple[*Task]) -> None:
    assert _yielded is not None  # _start_worker has run
    assert _stopped is not None
    for item in function(*task):
        _yielded.put(item)
        if _stopped.is_set():
            break
