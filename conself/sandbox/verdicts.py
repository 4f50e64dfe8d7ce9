"""Derive outcomes from a runner's frames and how it ended. Nothing here runs untrusted code."""

import os
import signal
from dataclasses import dataclass

from . import wire
from .canonical import canonical
from .frames import ENDING, Frames

_CPU_SLACK = 0.05  # seconds: fork and walls, and the kernel's tick
_PARSING = 2e-6  # seconds per byte of a literal: several times what a slow machine takes


@dataclass(frozen=True)
class Request:
    """A job as received over the wire; inputs as in :class:`conself.sandbox.runner.Task`; ``base_size`` in bytes."""

    entry_point: str | None
    inputs: list[tuple[bool, bytes]]
    cpu_seconds: float
    wall_seconds: float
    memory_mb: int
    output_kb: int
    max_timeouts: int
    base_size: int

    @property
    def is_stdin(self) -> bool:
        """Whether the programs read standard input instead of having an entry point."""
        return self.entry_point is None

    def parsing_seconds(self, start: int, runs: int) -> float:
        """Return the CPU time allowed for parsing the arguments of ``runs`` inputs from ``start`` on."""
        literals = [] if self.is_stdin else self.inputs[start : start + runs]
        return _PARSING * sum(len(data) for is_marshal, data in literals if not is_marshal)


@dataclass(frozen=True)
class Ending:
    """The end of a runner: wait status, CPU seconds, and whether the wall-clock backstop killed it."""

    status: int
    cpu: float
    overdue: bool


def judge_calls(request: Request, _: int, ending: Ending, frames: Frames, exact: bool, left: int) -> list[wire.Result]:
    """Return the results of a runner of a call program, and the status of the input on which it died, if it did.

    ``exact``: it had one input only; ``left``: the number of inputs without a result before it.
    """
    results = list(frames.results)
    expected = 1 if exact else left
    if len(results) < expected and not _stopped(frames):
        verdict = _verdict(ending, request.cpu_seconds) if frames.sound else wire.KILLED
        results.append((verdict, b""))
    elif expected == 1:
        own = ending.cpu - request.parsing_seconds(len(request.inputs) - left, 1)
        if own > 2 * request.cpu_seconds + _CPU_SLACK:  # the module, then the call
            results = [(wire.TIMEOUT, b"")]
    if not frames.ready and not frames.results:
        results *= left  # it died while loading: so it would for every other input
    return results


def _stopped(frames: Frames) -> bool:
    """Return whether the runner ended between two inputs, on purpose, so that the next one gets a new process."""
    return bool(frames.results) and (frames.again or frames.results[-1][0] in ENDING)


def judge_stdin(
    request: Request, stdout: int, ending: Ending, frames: Frames, exact: bool, left: int
) -> list[wire.Result]:
    """Return the results of a runner of a stdin program; empty if it must be run again, exactly.

    ``stdout`` is the file behind its standard output; ``exact`` and ``left`` are as in :func:`judge_calls`.
    """
    if exact:
        return [_judge_one_stdin(request, stdout, ending, frames)]
    results = [(status, _text(value) if status == wire.OK else value) for status, value in frames.results]
    if len(results) < left and not _stopped(frames):
        verdict = _verdict(ending, request.cpu_seconds)
        if verdict == wire.TIMEOUT and frames.sound:
            floods = os.fstat(stdout).st_size > 1024 * request.output_kb
            results.append((wire.OUTPUT_LIMIT if floods else wire.TIMEOUT, b""))
        elif not results:
            return []
    return results


def _judge_one_stdin(request: Request, stdout: int, ending: Ending, frames: Frames) -> wire.Result:
    size = os.fstat(stdout).st_size
    if size > 1024 * request.output_kb:
        return wire.OUTPUT_LIMIT, b""
    if ending.overdue or ending.cpu > request.cpu_seconds + _CPU_SLACK:
        return wire.TIMEOUT, b""
    if not frames.sound:
        return wire.KILLED, b""
    if frames.results:
        status, value = frames.results[0]
    else:  # os._exit(0) is a normal end of a stdin program
        status, value = wire.OK if ending.status == 0 else _verdict(ending, request.cpu_seconds), b""
    return (status, _text(os.pread(stdout, size, 0))) if status == wire.OK else (status, value)


def _text(output: bytes) -> bytes:
    return canonical(output.decode("utf-8", "surrogateescape")).encode("ascii")


def _verdict(ending: Ending, cpu_seconds: float) -> int:
    """Return the status of an input on which the process ended without a result."""
    code = os.waitstatus_to_exitcode(ending.status)
    if ending.overdue or -code in (signal.SIGPROF, signal.SIGXCPU):
        return wire.TIMEOUT
    if -code == signal.SIGKILL and ending.cpu >= cpu_seconds:  # the hard limit of RLIMIT_CPU
        return wire.TIMEOUT
    return wire.KILLED if code < 0 else wire.EXIT
