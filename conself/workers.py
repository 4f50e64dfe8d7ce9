"""Worker processes for stages that run shard by shard, and the progress line that goes with them."""

import ctypes
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Result = TypeVar("Result")
_PR_SET_PDEATHSIG = 1


class Workers:
    """``count`` single-threaded processes, started at first use and kept warm until the block ends.

    Two single-threaded shards decode faster than one shard on two threads. Workers are spawned, not forked, because
    torch's thread pools do not survive a fork, and they die with their parent, so that a killed run leaves none.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"workers must be at least 1, got {count}")
        self.count = count
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def run(self, function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """Results of ``function(*task)`` as they finish. Function and arguments must be picklable.

        An exception in a task is raised here once; tasks not yet started are dropped, running ones are waited for.

        Raises:
            ChildProcessError: a worker was killed.
        """
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(
                self.count, context, initializer=_start_worker, initargs=(os.getpid(),)
            )
        futures = [self._executor.submit(function, *task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            self.release()
            raise ChildProcessError(
                "a worker process was killed, most likely for lack of memory; lower runtime.workers or the batch_size "
                "under a part's runtime, and run the same command again: finished shards are kept"
            ) from error
        finally:
            for future in futures:
                future.cancel()
            wait(futures)  # nobody writes into an artifact after its lock is given back

    def warm(self, module: str) -> None:
        """Start the processes and let each import ``module`` while this process does something else."""
        for _ in range(self.count):
            self._started().submit(importlib.import_module, module)

    def _started(self) -> ProcessPoolExecutor:
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self.count, context, _start_worker, (os.getpid(),))
        return self._executor

    def release(self) -> None:
        """End the processes and give back their memory (GPU memory above all); the next ``run`` starts new ones."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None


def _start_worker(parent: int) -> None:
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C and waits for the shard at hand
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)


def progress(console: Console) -> Progress:
    """A progress line: what, bar, count, a free-text ``rate`` field, time so far, time left."""
    return Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:>16}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
