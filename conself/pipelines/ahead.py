"""Execution that begins while candidates are still drawn: of a shard as soon as its table is there.

What comes of it is kept by what was run (:class:`conself.pipelines.executed.Executed`), where the stage that executes
finds it: artifacts stay apart, and nothing depends on whether this was done.
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
"""Told of each table of candidates once it is whole."""


@contextmanager
def executing_ahead(
    executor: Executor, limits: Callable[[], Limits] | None, kept: Path, problems: Path
) -> Iterator[Written]:
    """Run programs while the block runs, on machines whose work goes on beside sampling; on others, do nothing.

    ``limits`` says how, where it is known; ``kept`` is where executions are kept, ``problems`` the folder of the tables
    of problems. When the block ends, what is under way is waited for, and no more is begun.
    """
    machines = executor.machines()
    if limits is None or not isinstance(machines, Overlapping) or not machines.overlaps:
        yield lambda _path: None
        return
    known = limits()
    ahead = _Ahead(machines, known, Executed(kept, isolation(known)), problems)
    ahead.start()
    try:
        yield ahead.add
    except BaseException:
        ahead.stopped.set()
        raise
    finally:
        ahead.end()


class _Ahead(Thread):
    """A thread that hands out the shards that have come in, as many at once as there are workers."""

    def __init__(self, machines: Runner, limits: Limits, done: Executed, problems: Path) -> None:
        super().__init__(name="executing ahead", daemon=True)
        self.stopped = Event()
        self._ending = False
        self._machines, self._limits, self._done, self._problems = machines, limits, done, problems
        self._folder = done.folder / f".ahead-{uuid4().hex}"
        self._came: SimpleQueue[Path | None] = SimpleQueue()

    def add(self, candidates: Path) -> None:
        """A table of candidates is there."""
        self._came.put(candidates)

    def end(self) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._ending = True
        self._came.put(None)
        self.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self) -> None:
        """Until the end; what goes wrong goes wrong again in the stage that executes, which says so."""
        try:
            while (batch := self._next()) and not self._ending:
                self._execute(batch)
        except Exception as error:  # of a machine, or of the disk
            log.debug("execution beside sampling has ended", exc_info=error)

    def _next(self) -> list[Path]:
        """What has come in, and at most a shard for each worker; nothing at the end."""
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
