"""Execute candidates while others are still sampled: each shard as soon as its table is written.

Results are cached by job, limits and isolation (:class:`conself.pipelines.executed.Executed`), and the stage that
executes reads them from there. Artifacts stay separate, and no result depends on whether shards were executed ahead.
"""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from conself.executors.executor import Executor, Overlapping, Runner
from conself.pipelines.executed import Executed
from conself.pipelines.execution import execute_shards
from conself.pipelines.pools import PoolShard
from conself.sandbox import Limits, isolation

log = logging.getLogger("conself")

Written = Callable[[Path], None]
"""Called with the path of each table of candidates once it is complete."""


@contextmanager
def executing_ahead(
    executor: Executor, limits: Callable[[], Limits] | None, kept: Path, problems: Path
) -> Iterator[Written]:
    """Run programs during the block, on machines whose work can overlap with sampling; on others, do nothing.

    ``limits`` returns the limits of execution, or is None if they are unknown; ``kept`` is the folder of cached
    executions, ``problems`` that of the tables of problems. When the block ends, running shards are waited for, and no
    more are started.
    """
    machines = executor.machines()
    if limits is None or not isinstance(machines, Overlapping) or not machines.overlaps:
        yield lambda _path: None
        return
    bounds = limits()
    ahead = _Ahead(machines, bounds, Executed(kept, isolation(bounds)), problems)
    ahead.start()
    try:
        yield ahead.add
    except BaseException:
        ahead.stopped.set()
        raise
    finally:
        ahead.end()


class _Ahead(Thread):
    """A thread that executes added shards, as many at once as there are workers."""

    def __init__(self, machines: Runner, limits: Limits, done: Executed, problems: Path) -> None:
        super().__init__(name="executing ahead", daemon=True)
        self.stopped = Event()
        self._ending = False
        self._machines, self._limits, self._done, self._problems = machines, limits, done, problems
        self._folder = done.folder / f".ahead-{uuid4().hex}"
        self._came: SimpleQueue[Path | None] = SimpleQueue()

    def add(self, candidates: Path) -> None:
        """Queue a complete table of candidates."""
        self._came.put(candidates)

    def end(self) -> None:
        """Start no more shards, wait for running ones, and remove temporary files."""
        self._ending = True
        self._came.put(None)
        self.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self) -> None:
        """Execute shards until the end; an error is only logged, since the stage that executes will raise it again."""
        try:
            while (batch := self._next()) and not self._ending:
                self._execute(batch)
        except Exception as error:  # such as one of a machine or the disk
            log.debug("execution beside sampling has ended", exc_info=error)

    def _next(self) -> list[Path]:
        """Return queued tables, at most one for each worker; wait for the first; return none at the end."""
        first = self._came.get()
        batch = [] if first is None else [first]
        while batch and len(batch) < self._machines.workers:
            try:
                more = self._came.get_nowait()
            except Empty:
                break
            if more is None:
                return []
            batch.append(more)
        return batch

    def _execute(self, tables: list[Path]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        tasks = [(self._limits, self._machines.threads, self._done, [self._shard(table)]) for table in tables]
        stream: Any = self._machines.run(execute_shards, tasks)
        with closing(stream):
            for _ in stream:
                if self.stopped.is_set():
                    return

    def _shard(self, candidates: Path) -> tuple[PoolShard, Path]:
        place = candidates.name[candidates.name.index("-") :]
        traces = self._folder / f"traces{place}"
        return PoolShard(self._problems / f"problems{place}", candidates, traces), traces
