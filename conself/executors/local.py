"""Run tasks in worker processes on this machine: ``executor: local``."""

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
"""A queue of items of tasks: of one type within a run, of any type over the life of a worker."""

# In a worker process: the queue for the items of its task, and whether to stop after the current item.
_yielded: Yielded | None = None
_stopped: Event | None = None


@dataclass(eq=False)
class LocalExecutor:
    """``workers`` processes of ``threads`` threads each, started at first use and kept warm until the block ends.

    Processes are spawned, not forked, because
    torch's thread pools do not survive a fork; a process imports torch only if its tasks do. The processes die with
    their parent, so that a killed run leaves none.

    Raises:
        ValueError: ``workers`` or ``threads`` is less than 1.
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
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self._kill()
        self.release()

    def sized(self, workers: int, threads: int = 1) -> "LocalExecutor":
        """Return an executor with its own number of processes beside these, for example one engine per GPU."""
        if (workers, threads) == (self.workers, self.threads):
            return self
        return self._others.setdefault((workers, threads), LocalExecutor(workers, threads))

    def machines(self) -> Runner:
        """Return a runner in the job's own process, as tasks for machines start processes of their own."""
        return Here(self.workers * self.threads)

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Yield the items of ``function(*task)`` as they arrive. Function, arguments and items must be picklable.

        An exception in a task is raised here once; tasks not yet started are dropped, and running ones end with their
        current item, which is waited for. At Ctrl-C the processes are killed, since an item of a large model takes
        minutes. Items should be small (4 kB): only then can a kill never truncate one.

        Raises:
            ChildProcessError: a worker was killed.
        """
        return self.run_until(function, tasks, _never)

    def run_until(
        self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]], is_over: Callable[[], bool]
    ) -> Iterator[Item]:
        """Run tasks as :meth:`run` until ``is_over()``; then all processes are killed, as a pool does not survive less.

        Raises:
            ChildProcessError: a worker was killed, but not by this.
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
                if pending and is_over():
                    yield from self._arrived()  # whatever was there in time
                    self._kill()
                    return
        except BrokenProcessPool as error:
            self._kill()
            raise ChildProcessError(
                "a worker process was killed, most likely for lack of memory; lower executor.workers or the batch_size "
                "under a part's runtime, and run the same command again: finished shards are kept"
            ) from error
        except (KeyboardInterrupt, GeneratorExit) as ended:
            if KeyboardInterrupt in (type(ended), type(ended.__context__)):  # also if the consumer closes it for that
                self._kill()
            raise
        finally:
            self._end()

    def warm(self, modules: Sequence[str]) -> None:
        """Start the processes in the background and have each import ``modules``.

        Without modules nothing is started, as the job may never need the processes.
        """
        if modules:
            for _ in range(self.workers):
                self._started()[0].submit(_import, modules)

    def _kill(self) -> None:
        """Kill the processes, these and those of ``sized``; the next ``run`` starts new ones, with another queue."""
        for other in self._others.values():
            other._kill()
        executor, self._executor = self._executor, None
        # Whoever is killed may hold the lock of the queue or of the event, for which others would wait for ever.
        self._queue, self._stop, self._futures = None, None, []
        if executor is not None:
            for process in list(executor._processes.values()):  # Python 3.14 has kill_workers() for it
                process.kill()
                process.join()
            executor.shutdown(cancel_futures=True)

    def _end(self) -> None:
        """Wait for running tasks, so that none writes into an artifact after its lock is released."""
        if self._stop is not None:
            self._stop.set()
        for future in self._futures:
            future.cancel()
        pending = set(self._futures)
        try:
            while pending:
                _, pending = wait(pending, timeout=_POLL_SECONDS)
                for _ in self._arrived():
                    pass  # the next run must not get these items; and a full pipe would block its task for ever
        except KeyboardInterrupt:
            self._kill()
            raise
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
        """End the processes and free their memory (GPU memory above all); the next ``run`` starts new ones."""
        self.release_others()
        if self._executor is not None:
            self._end()
            self._executor.shutdown(cancel_futures=True)
            self._executor = None

    def release_others(self) -> None:
        """End the processes of the executors that ``sized`` returned."""
        for other in self._others.values():
            other.release()
        self._others.clear()


def _never() -> bool:
    return False


def _start_worker(parent: int, threads: int, started: "Synchronized[int]", queue: Yielded, stopped: Event) -> None:
    global _yielded, _stopped
    use_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # batch systems send these to all processes when time is up
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before the line above
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
