"""The trusted side: stream jobs through a few zygotes and yield them as they finish, in constant memory."""

import hashlib
import select
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from conself.sandbox.jobs import Job, Limits, check_job, check_limits
from conself.sandbox.results import Result
from conself.sandbox.worker import Died, Pending, Worker

_QUEUE_LENGTH = 2  # per worker: one that runs and one that waits
_POLL_MILLISECONDS = 1000
_PROBE_LIMITS = Limits(
    cpu_seconds=1.0, wall_seconds=10.0, memory_mb=256, output_kb=1, max_timeouts=1, audit=0.0, require="weak"
)


def execute(
    jobs: Iterable[Job], limits: Limits, workers: int, without: Collection[str] = frozenset()
) -> Iterator[Result]:
    """Run every program of every job on all inputs of the job; yield jobs in the order in which they finish.

    ``jobs`` is read lazily, at most two jobs per worker ahead of what was taken, unless it is a sequence: then all
    of it is checked before anything runs. Each worker is a process that is started when needed. The outcomes do not
    depend on the number of workers. Closing the iterator ends all processes. ``without`` names layers of isolation
    to leave out, for tests of what each one holds (see :mod:`conself.sandbox.walls`).

    Raises:
        ValueError: limits out of range (at once), or a malformed job (before anything of it runs); names the record.
        IsolationError: less isolation than ``limits.require``, or a package cannot be loaded; nothing was run.
        RuntimeError: a worker died twice on the same job.
    """
    check_limits(limits, workers)
    is_checked = isinstance(jobs, Sequence)
    if is_checked:
        for job in jobs:
            check_job(job)
    return _once(iter(jobs), is_checked, _Crew(limits, workers, frozenset(without)))


@contextmanager
def kept(limits: Limits, workers: int) -> Iterator[Callable[[Sequence[Job]], list[Result]]]:
    """Keep the processes of :func:`execute` for many calls, until the block ends.

    Yields a function that takes jobs and returns all results, in the order in which the jobs finish; it raises as
    ``execute``.
    """
    check_limits(limits, workers)
    crew = _Crew(limits, workers, frozenset())

    def run(jobs: Sequence[Job]) -> list[Result]:
        for job in jobs:
            check_job(job)
        return list(_stream(iter(jobs), True, crew))

    try:
        yield run
    finally:
        crew.close()


def isolation(limits: Limits | None = None, without: Collection[str] = frozenset()) -> str:
    """Describe the walls available on this machine in one line, e.g. for a manifest, by starting a worker.

    Raises:
        ValueError: ``limits`` are given and out of range.
        IsolationError: ``limits`` are given and require more, or a package of theirs cannot be loaded.
        RuntimeError: no worker can start.
    """
    if limits is not None:
        check_limits(limits, workers=1)
    worker = Worker(limits or _PROBE_LIMITS, without)
    try:
        while worker.report is None:
            poll = select.poll()
            poll.register(worker.answers, select.POLLIN)
            poll.poll()
            list(worker.read())
        return worker.report
    except Died as error:
        raise RuntimeError(f"the sandbox cannot start: {error}") from error
    finally:
        worker.close()


class _Crew:
    """The workers of one call of execute, started one by one as needed."""

    def __init__(self, limits: Limits, size: int, without: Collection[str]) -> None:
        self.limits, self.size, self.without = limits, size, without
        self.workers: list[Worker] = []
        self._left = time.monotonic()

    def has_room(self) -> bool:
        """Return whether another job could start soon."""
        return len(self.workers) < self.size or min(len(worker.queue) for worker in self.workers) < _QUEUE_LENGTH

    def submit(self, pending: Pending) -> None:
        """Give a job to an idle worker, to a new one, or to the one with the fewest jobs."""
        idle = next((worker for worker in self.workers if not worker.queue), None)
        if idle is None and len(self.workers) < self.size:
            idle = Worker(self.limits, self.without)
            self.workers.append(idle)
        (idle or min(self.workers, key=lambda worker: len(worker.queue))).submit(pending)

    def pump(self) -> list[Pending]:
        """Exchange bytes with the zygotes once; return the jobs that finished."""
        busy = [worker for worker in self.workers if worker.queue]
        for worker in busy:
            worker.forgive(time.monotonic() - self._left)  # nobody listened
        poll = select.poll()  # select.select has a limit of 1024 descriptors
        for worker in busy:
            poll.register(worker.answers, select.POLLIN)
            if worker.outbox:
                poll.register(worker.requests, select.POLLOUT)
        ready = {descriptor for descriptor, _ in poll.poll(_POLL_MILLISECONDS)}
        finished: list[Pending] = []
        for worker in busy:
            try:
                if worker.requests in ready:
                    worker.write()
                if worker.answers in ready:
                    for pending in worker.read():
                        finished.append(pending)  # one by one: reading may end in Died
                worker.check()
            except Died as error:
                self.workers[self.workers.index(worker)] = self._restart(worker, error)
        self._left = time.monotonic()
        return finished

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.close()

    def _restart(self, worker: Worker, error: Died) -> Worker:
        """Start a new zygote with the jobs of one that died; RuntimeError at the second death on the same job."""
        first = worker.queue[0]
        first.deaths += 1
        if worker.report is None or first.deaths > 1:
            what = "cannot start" if worker.report is None else f"worker died twice on job {first.job.id!r}"
            raise RuntimeError(f"the sandbox {what}: {error}") from error
        fresh = Worker(self.limits, self.without)
        for pending in worker.queue:
            pending.done.clear()
            fresh.submit(pending)
        worker.close()
        return fresh


def _once(source: Iterator[Job], is_checked: bool, crew: _Crew) -> Iterator[Result]:
    try:
        yield from _stream(source, is_checked, crew)
    finally:
        crew.close()


def _stream(source: Iterator[Job], is_checked: bool, crew: _Crew) -> Iterator[Result]:
    exhausted = False
    while True:
        while not exhausted and crew.has_room():
            job = next(source, None)
            if job is None:
                exhausted = True
                break
            if not is_checked:
                check_job(job)
            pending = _prepare(job, crew.limits.audit)
            if pending.sources:
                crew.submit(pending)
            else:
                yield pending.result()
        if not any(worker.queue for worker in crew.workers):
            return
        for pending in crew.pump():
            yield pending.result()


def _prepare(job: Job, audit: float) -> Pending:
    sources = list(dict.fromkeys(program for program in job.programs if program is not None)) if job.inputs else []
    return Pending(job, sources, [_is_chosen(job.id, source, audit) for source in sources])


def _is_chosen(job_id: str, source: str, share: float) -> bool:
    """Return whether a program is audited; it depends on its text, so that every run audits the same ones."""
    digest = hashlib.sha256(f"audit\0{job_id}\0{source}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
