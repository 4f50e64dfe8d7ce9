"""The trusted process's hold on one zygote: start it, feed it, read its answers within bounds."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from conself.sandbox import wire
from conself.sandbox.jobs import Job, Limits, Outcome, Status

_BOOT = Path(__file__).with_name("boot.py")
_FLAGS = ("-s", "-S", "-P", "-B", "-W", "ignore")  # not -I: it would ignore PYTHONHASHSEED
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
_READ_SIZE = 1 << 18
_GRACE_SECONDS = 60.0
_STATUSES = [Status(name) for name in wire.STATUSES]


@dataclass
class Pending:
    """A job on its way: each distinct program text runs once; ``results`` grows as they finish."""

    job: Job
    sources: list[str]
    results: list[tuple[Outcome, ...]] = field(default_factory=list)
    deaths: int = 0

    def rows(self) -> list[tuple[Outcome, ...]]:
        """The outcomes of every program of the job, in order."""
        by_source = dict(zip(self.sources, self.results, strict=True))
        no_code = (Outcome(Status.COMPILE_ERROR, ""),) * len(self.job.inputs)
        return [no_code if program is None else by_source[program] for program in self.job.programs]


class Died(Exception):  # noqa: N818 - an event that the engine handles
    """The zygote is gone, or does not answer, or answers nonsense; the text says which."""


class Worker:
    """One zygote process and the jobs that it has been given; every method returns without waiting for it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.queue: deque[Pending] = deque()
        self.report: str | None = None
        self.outbox = bytearray()
        self._inbox = bytearray()
        self._heard = time.monotonic()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        child_in, self.requests = os.pipe()
        self.answers, child_out = os.pipe()
        command = [sys.executable, *_FLAGS, str(_BOOT), str(child_in), str(child_out), str(os.getpid())]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(child_in, child_out),
                cwd="/",
                env=_ENVIRONMENT,
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
        message = {
            "entry_point": job.entry_point,
            "inputs": job.inputs,
            "programs": pending.sources,
            "limits": asdict(self.limits),
        }
        data = json.dumps(message).encode("ascii")
        self.outbox += wire.LENGTH.pack(len(data)) + data

    def write(self) -> None:
        """Send what the pipe takes; raises Died."""
        try:
            sent = os.write(self.requests, memoryview(self.outbox)[: 1 << 20])
        except BlockingIOError:
            return
        except OSError as error:
            raise Died(f"cannot send to it ({error})") from error
        del self.outbox[:sent]

    def read(self) -> Iterator[Pending]:
        """Take what the pipe holds and yield the jobs that are now finished; raises Died, ValueError, RuntimeError."""
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
            if self.queue and len(self.queue[0].results) == len(self.queue[0].sources):
                yield self.queue.popleft()

    def check(self) -> None:
        """Raise Died if no program finished for longer than the limits allow it to take."""
        if self.queue:
            allowed = self.limits.wall_seconds * (2 * len(self.queue[0].job.inputs) + 2) + _GRACE_SECONDS
            if time.monotonic() - self._heard > allowed:
                raise Died("it does not answer")

    def close(self) -> None:
        """Kill the process, and with it its runner; close everything."""
        self._process.kill()
        self._process.wait()
        os.close(self.requests)
        os.close(self.answers)
        self._errors.close()

    def _bound(self) -> int:
        inputs = len(self.queue[0].job.inputs) if self.queue else 0
        return (inputs + 1) * (wire.value_limit(self.limits.output_kb) + wire.NAME_LIMIT)

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == wire.HELLO:
            self.report = body.decode("utf-8", "replace")
        elif not self.queue:
            raise Died("it answered without being asked")
        elif kind == wire.PROGRAM:
            pending = self.queue[0]
            try:
                rows = wire.unpack_program(body, len(pending.job.inputs), wire.value_limit(self.limits.output_kb))
            except ValueError as error:
                raise Died(f"it sent a malformed message: {error}") from error
            pending.results.append(tuple(Outcome(_STATUSES[status], value) for status, value in rows))
        elif kind == wire.BAD_INPUT and len(body) >= wire.LENGTH.size:
            (index,) = wire.LENGTH.unpack_from(body)
            reason = body[wire.LENGTH.size :].decode("utf-8", "replace")
            raise ValueError(
                f"job {self.queue[0].job.id!r}: input {index} is not the literal of a tuple of arguments ({reason})"
            )
        else:
            text = body.decode("utf-8", "replace")
            raise RuntimeError(f"sandbox: job {self.queue[0].job.id!r} could not be run: {text}")

    def _last_words(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 2000))
        return self._errors.read().decode("utf-8", "replace").strip()
