"""The zygote's side of one program: fork runners, wait, judge their endings. Nothing here runs untrusted code."""

import math
import os
import signal
import time
import traceback
from dataclasses import dataclass
from os import _exit

from . import wire
from .canonical import canonical
from .frames import ENDING, SLACK, Frames, read_frames
from .runner import Task, run_calls, run_stdin
from .walls import Walls, enter, fork

_CPU_SLACK = 0.05  # seconds: fork and walls, and the kernel's tick
_TICK = 0.25  # seconds between looks at a runner that takes long


@dataclass(frozen=True)
class Setup:
    """What the zygote keeps for its runners: descriptors, walls, the trusted process's id and its own."""

    null: int
    stdin: int
    stdout: int
    frames: int
    trouble: int
    walls: Walls
    parent: int
    own: int


@dataclass(frozen=True)
class Request:
    """A job as it came over the wire; inputs as in :class:`conself.sandbox.runner.Task`; ``base_size`` in bytes."""

    entry_point: str | None
    inputs: list[tuple[bool, bytes]]
    cpu_seconds: float
    wall_seconds: float
    memory_mb: int
    output_kb: int
    max_timeouts: int
    base_size: int


@dataclass(frozen=True)
class Ending:
    """How a runner ended: wait status, CPU seconds, and whether the wall-clock backstop killed it."""

    status: int
    cpu: float
    overdue: bool


def run_program(setup: Setup, request: Request, source: str) -> list[wire.Result]:
    """The results of one program on all inputs, in order; RuntimeError if a runner's walls did not stand."""
    results: list[wire.Result] = []
    count, timeouts = len(request.inputs), 0
    exact = request.entry_point is None
    while len(results) < count and timeouts < request.max_timeouts:
        start = len(results)
        ending = _run(setup, request, source, start, exact)
        frames = read_frames(
            setup.frames, 1 if exact else count - start, 1024 * request.output_kb, request.entry_point is None
        )
        if not frames.results and not frames.for_all:
            _raise_trouble(setup.trouble)
        if frames.for_all is not None:
            return results + [frames.for_all] * (count - start)
        exact = exact or frames.exact
        if request.entry_point is None:
            new = [_judge_stdin(setup, request, ending, frames)]
        else:
            new = _judge_calls(request, ending, frames, 1 if exact else count - start)
            if not frames.ready and not frames.results:
                new *= count - start  # it died while loading: so it would for every other input
        results += new
        timeouts += sum(status == wire.TIMEOUT for status, _ in new)
    return results + [(wire.TIMEOUT, b"")] * (count - len(results))


def _judge_calls(request: Request, ending: Ending, frames: Frames, expected: int) -> list[wire.Result]:
    """The runner's results, and a verdict on the input during which it died, if it did."""
    results = list(frames.results)
    if len(results) < expected and not (results and results[-1][0] in ENDING):
        verdict = _verdict(ending, request.cpu_seconds) if frames.sound else wire.KILLED
        results.append((verdict, b""))
    elif expected == 1 and ending.cpu > 2 * request.cpu_seconds + _CPU_SLACK:  # the module, then the call
        results = [(wire.TIMEOUT, b"")]
    return results


def _judge_stdin(setup: Setup, request: Request, ending: Ending, frames: Frames) -> wire.Result:
    size = os.fstat(setup.stdout).st_size
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
    if status == wire.OK:
        value = canonical(os.pread(setup.stdout, size, 0).decode("utf-8", "surrogateescape")).encode("ascii")
    return status, value


def _verdict(ending: Ending, cpu_seconds: float) -> int:
    """The status of an input during which the process ended without a result."""
    code = os.waitstatus_to_exitcode(ending.status)
    if ending.overdue or -code in (signal.SIGPROF, signal.SIGXCPU):
        return wire.TIMEOUT
    if -code == signal.SIGKILL and ending.cpu >= cpu_seconds:  # the hard limit of RLIMIT_CPU
        return wire.TIMEOUT
    return wire.KILLED if code < 0 else wire.EXIT


def _run(setup: Setup, request: Request, source: str, start: int, exact: bool) -> Ending:
    """Fork one runner for the inputs from ``start`` on and wait for its end."""
    runs = 1 if exact else len(request.inputs) - start
    is_stdin = request.entry_point is None
    for descriptor in (setup.frames, setup.stdin, setup.stdout) if is_stdin else (setup.frames,):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
    if is_stdin:
        _write_all(setup.stdin, request.inputs[start][1])
    child = fork()
    if child == 0:
        _become_runner(setup, request, source, start, runs, exact)
    if child < 0:
        raise RuntimeError("the sandbox cannot fork: too many processes or too little memory on this machine")
    return _wait(setup, child, request.wall_seconds, runs)


def _become_runner(setup: Setup, request: Request, source: str, start: int, runs: int, exact: bool) -> None:
    try:
        output = 1024 * request.output_kb
        name = request.entry_point
        size = (output + 1 if name is None else runs * (output + wire.NAME_LIMIT)) + SLACK
        memory = request.base_size + (request.memory_mb << 20)
        seconds = math.ceil(request.cpu_seconds * (runs + 1))
        streams = (setup.null, setup.null) if name else (setup.stdin, setup.stdout)
        try:
            enter(setup.walls, (*streams, setup.null, setup.frames), (memory, seconds, size), setup.own)
        except BaseException:
            os.write(setup.trouble, traceback.format_exc().encode())
            _exit(1)
        if name is None:
            run_stdin(source, request.cpu_seconds)
        else:
            run_calls(Task(source, name, request.inputs, start, exact, request.cpu_seconds, output))
    finally:
        _exit(1)


def _wait(setup: Setup, child: int, wall_seconds: float, runs: int) -> Ending:
    """Wait for the runner; kill it when no new frame came for ``wall_seconds``, or ``runs`` + 1 times that passed."""
    now = time.monotonic()
    deadline, last_deadline, seen = now + wall_seconds, now + wall_seconds * (runs + 1), 0
    while True:
        signal.sigtimedwait((signal.SIGCHLD,), max(0.0, min(_TICK, deadline - now)))
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return Ending(status, usage.ru_utime + usage.ru_stime, overdue=False)
        if os.getppid() != setup.parent:
            _exit(1)  # the trusted process is gone: the runner is killed with this one
        now = time.monotonic()
        size = os.fstat(setup.frames).st_size
        if size > seen:
            seen, deadline = size, min(now + wall_seconds, last_deadline)
        if now >= deadline:
            os.kill(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            return Ending(status, usage.ru_utime + usage.ru_stime, overdue=True)


def _write_all(descriptor: int, data: bytes) -> None:
    offset = 0
    while offset < len(data):
        offset += os.pwrite(descriptor, data[offset : offset + (1 << 24)], offset)


def _raise_trouble(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if size:
        text = os.pread(descriptor, size, 0).decode("utf-8", "replace")
        raise RuntimeError(f"a runner could not put up its walls: {text}")
