"""The trusted side: streams jobs through a few zygotes and yields them as they finish, in constant memory."""

import select
from collections.abc import Iterable, Iterator

from conself.sandbox.jobs import Job, Limits, Outcome, check_job, check_limits
from conself.sandbox.worker import Died, Pending, Worker

_QUEUE_LENGTH = 2  # per worker: one that runs and one that waits
_POLL_MILLISECONDS = 1000
_PROBE_LIMITS = Limits(cpu_seconds=1.0, wall_seconds=10.0, memory_mb=256, output_kb=1, max_timeouts=1)

Rows = list[tuple[Outcome, ...]]


def execute(jobs: Iterable[Job], limits: Limits, workers: int) -> Iterator[tuple[Job, Rows]]:
    """Run every program of every job on all inputs of the job; yield jobs in the order in which they finish.

    Each result has one tuple per program, with one :class:`Outcome` per input. ``jobs`` is read lazily, at most two
    jobs per worker ahead; each worker is a process that is started when needed. The outcomes do not depend on the
    number of workers. Closing the iterator ends all processes.

    Raises ValueError, naming the record, for limits out of range (at once) or for a malformed job (before anything of
    it runs), and RuntimeError if a worker dies twice on the same job.
    """
    check_limits(limits, workers)
    return _stream(iter(jobs), limits, workers)


def isolation() -> str:
    """One line that says which walls stand on this machine, e.g. for a manifest; RuntimeError if none can start."""
    worker = Worker(_PROBE_LIMITS)
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


def _stream(source: Iterator[Job], limits: Limits, workers: int) -> Iterator[tuple[Job, Rows]]:
    pool: list[Worker] = []
    try:
        exhausted = False
        while True:
            while not exhausted and (len(pool) < workers or min(len(worker.queue) for worker in pool) < _QUEUE_LENGTH):
                job = next(source, None)
                if job is None:
                    exhausted = True
                    break
                pending = _prepare(job)
                if pending.sources:
                    _least_busy(pool, limits, workers).submit(pending)
                else:
                    yield job, pending.rows()
            if not any(worker.queue for worker in pool):
                return
            for pending in _pump(pool, limits):
                yield pending.job, pending.rows()
    finally:
        for worker in pool:
            worker.close()


def _prepare(job: Job) -> Pending:
    check_job(job)
    sources = list(dict.fromkeys(program for program in job.programs if program is not None)) if job.inputs else []
    if not job.inputs:
        return Pending(Job(job.id, (None,) * len(job.programs), job.entry_point, ()), [])
    return Pending(job, sources)


def _least_busy(pool: list[Worker], limits: Limits, workers: int) -> Worker:
    idle = next((worker for worker in pool if not worker.queue), None)
    if idle is None and len(pool) < workers:
        idle = Worker(limits)
        pool.append(idle)
    return idle or min(pool, key=lambda worker: len(worker.queue))


def _pump(pool: list[Worker], limits: Limits) -> list[Pending]:
    """Move bytes between this process and the zygotes once; the jobs that were finished by it."""
    busy = [worker for worker in pool if worker.queue]
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
            pool[pool.index(worker)] = _restart(worker, limits, error)
    return finished


def _restart(worker: Worker, limits: Limits, error: Died) -> Worker:
    """A new zygote with the jobs of one that died; RuntimeError at the second death on the same job."""
    first = worker.queue[0]
    first.deaths += 1
    if worker.report is None or first.deaths > 1:
        what = "cannot start" if worker.report is None else f"worker died twice on job {first.job.id!r}"
        raise RuntimeError(f"the sandbox {what}: {error}") from error
    fresh = Worker(limits)
    for pending in worker.queue:
        pending.results.clear()
        fresh.submit(pending)
    worker.close()
    return fresh
