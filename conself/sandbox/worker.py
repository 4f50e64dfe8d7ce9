"""The trusted process's connection to one zygote: start it, send jobs, read its answers within bounds."""

import json
import os
import subprocess
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from conself.sandbox import wire
from conself.sandbox.jobs import Job, Limits
from conself.sandbox.results import Audit, Note, Outcome, Result, Status

_BOOT = Path(__file__).with_name("boot.py")
_FLAGS = ("-s", "-S", "-P", "-B", "-W", "ignore")  # not -I: it would ignore PYTHONHASHSEED
# a zygote must be single-threaded to fork, so numerical packages must not start threads
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# one arena of malloc, since each thread's own would count 64 MB of address space
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "MALLOC_ARENA_MAX": "1", **_ONE_THREAD}
_PASSED_ON = ("LD_LIBRARY_PATH", "PYTHONHOME")  # without them some interpreters cannot start
_READ_SIZE = 1 << 16  # more would be mapped and unmapped at each read
_GRACE_SECONDS = 60.0
_END_SECONDS = 5.0  # how long an idle zygote may take to end
_STATUSES = [Status(name) for name in wire.STATUSES]
_TUNING = ("packages", "audit", "require")  # fields of Limits that are not about one program


@dataclass
class Pending:
    """A job in progress: each distinct program text runs once; ``done`` grows as they finish."""

    job: Job
    sources: list[str]
    audits: list[bool]
    done: list[tuple[tuple[Outcome, ...], Note]] = field(default_factory=list)
    deaths: int = 0

    def result(self) -> Result:
        """Return the outcomes of every program of the job, in order."""
        by_source: dict[str | None, tuple[tuple[Outcome, ...], Note]]
        by_source = dict(zip(self.sources, self.done, strict=True))
        no_code = (Outcome(Status.COMPILE_ERROR, ""),) * len(self.job.inputs), Note(exact=False, audit=None)
        rows, notes = [], []
        for program in self.job.programs:
            row, note = by_source.get(program, no_code)  # without inputs, nothing was run
            rows.append(row)
            notes.append(note)
        return Result(self.job, rows, notes)


class Died(Exception):  # noqa: N818 - an event that the engine handles
    """The zygote is gone, does not answer, or gives invalid answers; the text says which."""


class IsolationError(OSError):
    """The machine does not allow the isolation that the limits require, or a package of theirs cannot be loaded."""


class Worker:
    """One zygote process and its jobs; every method except close returns without waiting for it."""

    def __init__(self, limits: Limits, without: Collection[str]) -> None:
        self.limits = limits
        self.queue: deque[Pending] = deque()
        self.report: str | None = None
        self.outbox = bytearray()
        self._inbox = bytearray()
        self._heard = time.monotonic()
        self._errors = os.fdopen(os.memfd_create("errors"), "w+b")
        child_in, self.requests = os.pipe()
        self.answers, child_out = os.pipe()
        options = {
            "without": sorted(without),
            "require": limits.require,
            "packages": list(limits.packages),
            "site": sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}),
        }
        numbers = (str(child_in), str(child_out), str(os.getpid()))
        command = [sys.executable, *_FLAGS, str(_BOOT), *numbers, json.dumps(options)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(child_in, child_out),
                cwd="/",
                env={**_ENVIRONMENT, **{name: os.environ[name] for name in _PASSED_ON if name in os.environ}},
                start_new_session=True,
            )
        finally:
            os.close(child_in)
            os.close(child_out)
        os.set_blocking(self.requests, False)
        os.set_blocking(self.answers, False)

    def submit(self, pending: Pending) -> None:
        """Put a job at the end of the queue."""
        if not self.queue:
            self._heard = time.monotonic()
        self.queue.append(pending)
        job = pending.job
        programs = [source.encode("utf-8", "surrogatepass") for source in pending.sources]
        message = {
            "entry_point": job.entry_point,
            "inputs": job.inputs,
            "audits": pending.audits,
            "longest": max(map(len, programs)),
            "limits": {name: value for name, value in asdict(self.limits).items() if name not in _TUNING},
        }
        # as it is, not escaped: escapes would make one character of two lone surrogates
        head = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
        for data in (head, *programs):
            self.outbox += wire.LENGTH.pack(len(data)) + data

    def write(self) -> None:
        """Send as much as the pipe takes; raises Died."""
        try:
            sent = os.write(self.requests, memoryview(self.outbox)[: 1 << 20])
        except BlockingIOError:
            return
        except BrokenPipeError:  # it has ended: its last messages are still to be read
            self.outbox.clear()
            return
        except OSError as error:
            raise Died(f"cannot send to it ({error})") from error
        del self.outbox[:sent]

    def read(self) -> Iterator[Pending]:
        """Read from the pipe and yield the jobs that are now finished; raises Died, RuntimeError."""
        try:
            data = os.read(self.answers, _READ_SIZE)
        except BlockingIOError:
            return
        if not data:
            raise Died(f"it ended with code {self._process.wait()} {self._last_words()}")
        self._heard = time.monotonic()
        self._inbox += data
        while len(self._inbox) >= wire.LENGTH.size:
            (length,) = wire.LENGTH.unpack_from(self._inbox)
            if not 1 <= length <= self._bound():
                raise Died("it sent a message of impossible length")
            end = wire.LENGTH.size + length
            if len(self._inbox) < end:
                return
            message = bytes(self._inbox[wire.LENGTH.size : end])
            del self._inbox[:end]
            self._take(message[:1], message[1:])
            if self.queue and len(self.queue[0].done) == len(self.queue[0].sources):
                yield self.queue.popleft()

    def forgive(self, seconds: float) -> None:
        """Exclude the time in which its answers were not read."""
        self._heard += seconds

    def check(self) -> None:
        """Raise Died if no program finished for longer than the limits allow it to take."""
        if self.queue:
            # a run and the two of an audit, each of which may take 3 waits per input and 3 more (see supervise)
            allowed = self.limits.wall_seconds * 9 * (len(self.queue[0].job.inputs) + 1) + _GRACE_SECONDS
            if time.monotonic() - self._heard > allowed:
                raise Died("it does not answer")

    def close(self) -> None:
        """End the process and its runner; close everything.

        An idle one sees the pipe close and ends by itself, so that its CPU time is counted in RUSAGE_CHILDREN here; a
        busy one is killed.
        """
        if self.queue:
            self._process.kill()
        os.close(self.requests)
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self.answers)
        self._errors.close()

    def _bound(self) -> int:
        inputs = len(self.queue[0].job.inputs) if self.queue else 0
        return (inputs + 1) * (wire.value_limit(self.limits.output_kb) + wire.NAME_LIMIT)

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == wire.HELLO:
            self.report = body.decode("utf-8", "replace")
        elif kind == wire.REFUSED:
            raise IsolationError(body.decode("utf-8", "replace"))
        elif not self.queue:
            raise Died("it answered without being asked")
        elif kind == wire.PROGRAM:
            pending = self.queue[0]
            try:
                limit = wire.value_limit(self.limits.output_kb)
                exact, audit, rows = wire.unpack_program(body, len(pending.job.inputs), limit)
            except ValueError as error:
                raise Died(f"it sent a malformed message: {error}") from error
            note = Note(exact, None if audit is None else Audit(audit))
            pending.done.append((tuple(Outcome(_STATUSES[status], value) for status, value in rows), note))
        else:
            text = body.decode("utf-8", "replace")
            raise RuntimeError(f"sandbox: job {self.queue[0].job.id!r} could not be run: {text}")

    def _last_words(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 2000))
        return self._errors.read().decode("utf-8", "replace").strip()
