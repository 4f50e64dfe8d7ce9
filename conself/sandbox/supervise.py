"""The zygote's side of one program: fork runners and wait for them. Nothing here runs untrusted code."""

import math
import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from fcntl import F_SETFL, fcntl
from os import _exit

from . import namespaces, wire
from .calls import run_calls
from .frames import SLACK, read_frames
from .gate import Plan, enter, prepare
from .programs import STDIN_FD, STDOUT_FD, run_stdin
from .runner import Task
from .verdicts import Ending, Request, judge_calls, judge_stdin
from .walls import RESULT_FD, Walls, fork

_FLOOD = 32  # the limit of all values of a program together, as a multiple of that of one value
_TICK = 0.25  # seconds between looks at a runner that takes long
_FORK_TRIES = 240  # ticks; another worker's program may have as many threads as the machine allows, until it ends


@dataclass(frozen=True)
class Setup:
    """The zygote's set-up for runners: descriptors, walls, the trusted process's id and its own, seeding."""

    null: int
    stdin: int
    stdout: int
    frames: int
    trouble: int
    walls: Walls
    parent: int
    own: int
    seed: Callable[[], None]


def run_program(setup: Setup, request: Request, source: str, audit: bool) -> tuple[bool, str | None, list[wire.Result]]:
    """Run one program on all inputs; return whether it ran exactly, the audit's finding, if any, and results in order.

    An audit runs a few of the inputs again, one process per input, with all the program's objects at other addresses.
    If that differs, a full run of one process per input, at the usual addresses, gives the results, and distinguishes a
    leak between inputs (it agrees with the audit) from values that do not repeat (it does not).

    Raises RuntimeError if a runner's walls failed.
    """
    exact, results = _run_inputs(setup, request, source, exact=False, shifted=False)
    if not audit:
        return exact, None, results
    picked = _pick(source, len(request.inputs))
    part = replace(request, inputs=[request.inputs[index] for index in picked])
    _, again = _run_inputs(setup, part, source, exact=True, shifted=True)
    if _agree([results[index] for index in picked], again):
        return exact, "agreed", results
    if exact:
        return exact, "nondeterministic", results
    _, results = _run_inputs(setup, request, source, exact=True, shifted=False)
    return exact, "leaked" if _agree([results[index] for index in picked], again) else "nondeterministic", results


def _pick(source: str, count: int) -> list[int]:
    """Choose the inputs of an audit: the last, because leaks accumulate, and one by the program's text."""
    return sorted({count - 1, hash(source) % count})  # the zygote's hashes are the same on every run


def _agree(left: list[wire.Result], right: list[wire.Result]) -> bool:
    """Return whether two runs agree; a time-out is no evidence, because the next run may just finish."""
    pairs = zip(left, right, strict=True)
    return all(one == other or wire.TIMEOUT in (one[0], other[0]) for one, other in pairs)


def _run_inputs(
    setup: Setup, request: Request, source: str, exact: bool, shifted: bool
) -> tuple[bool, list[wire.Result]]:
    """Start runners until every input has a result; also return whether they took one input each at the end."""
    results: list[wire.Result] = []
    count, timeouts, held, most = len(request.inputs), 0, 0, _FLOOD * 1024 * request.output_kb
    # a program that prolongs every wait by writing to the results gets no new runner after this
    until = time.monotonic() + request.wall_seconds * (2 * count + 2)
    while len(results) < count and timeouts < request.max_timeouts and time.monotonic() < until:
        left = count - len(results)
        runs = 1 if exact else left
        ending = _run(setup, request, source, len(results), runs, shifted, held)
        frames = read_frames(setup.frames, runs, 1024 * request.output_kb, request.is_stdin)
        if not frames.results and not frames.for_all:
            _raise_trouble(setup.trouble)
        if frames.for_all is not None:
            return exact, results + [frames.for_all] * left
        exact = exact or frames.exact
        judge = judge_stdin if request.is_stdin else judge_calls
        new = judge(request, setup.stdout, ending, frames, exact or runs == 1, left)
        exact = exact or not new
        timeouts += sum(status == wire.TIMEOUT for status, _ in new)
        for status, value in new:
            held += len(value)
            results.append((status, value) if held <= most else (wire.OUTPUT_LIMIT, b""))
        if held > most:
            return exact, results + [(wire.OUTPUT_LIMIT, b"")] * (count - len(results))
    return exact, results + [(wire.TIMEOUT, wire.SKIPPED)] * (count - len(results))


def _run(setup: Setup, request: Request, source: str, start: int, runs: int, shifted: bool, held: int) -> Ending:
    """Fork a runner for ``runs`` inputs from ``start`` on, with ``held`` bytes of results so far, wait for its end."""
    for descriptor in (setup.null, setup.frames, setup.stdin, setup.stdout):
        fcntl(descriptor, F_SETFL, 0)  # the last program may have set O_APPEND, say: flags are shared
    for descriptor in (setup.frames, setup.stdin, setup.stdout) if request.is_stdin else (setup.frames,):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
    if request.is_stdin:
        _write_all(setup.stdin, request.inputs[start][1])
    plan = _plan(setup, request, start, runs, held)
    child = fork()
    for _ in range(_FORK_TRIES):
        if child >= 0:
            break
        time.sleep(_TICK)
        child = fork()
    if child == 0:
        _become_runner(setup, plan, request, source, start, runs, shifted)
    if child < 0:
        raise RuntimeError("the sandbox cannot fork: too many processes or too little memory on this machine")
    ending = _wait(setup, child, request.wall_seconds, runs)
    if setup.walls.may_fork:
        namespaces.end_others()
    return ending


def _plan(setup: Setup, request: Request, start: int, runs: int, held: int) -> Plan:
    """Plan the descriptors and limits of a runner."""
    size = runs * (1024 * request.output_kb + wire.NAME_LIMIT) + SLACK
    if request.is_stdin:
        size = max(size, *(len(data) for _, data in request.inputs))
    # a runner is a copy of this process, results so far included; in whole MiB, so that plans repeat
    memory = request.base_size + (request.memory_mb + (2 * held >> 20) << 20)
    seconds = math.ceil(request.cpu_seconds * (runs + 1) + request.parsing_seconds(start, runs))
    streams = [(setup.null, 0), (setup.null, 1), (setup.null, 2), (setup.frames, RESULT_FD)]
    if request.is_stdin:
        kept = [(setup.stdin, STDIN_FD), (setup.stdout, STDOUT_FD)] if runs > 1 else []
        streams = [(setup.stdin, 0), (setup.stdout, 1), *streams[2:], *kept]
    return prepare(setup.walls, tuple(streams), (memory, seconds, size), setup.own)


def _become_runner(
    setup: Setup, plan: Plan, request: Request, source: str, start: int, runs: int, shifted: bool
) -> None:
    try:
        try:
            enter(plan)
        except BaseException:
            os.write(setup.trouble, traceback.format_exc().encode())
            _exit(1)
        output = 1024 * request.output_kb
        cpu, exact = request.cpu_seconds, runs == 1
        task = Task(source, request.entry_point, request.inputs, start, exact, shifted, cpu, output, setup.seed)
        (run_stdin if request.is_stdin else run_calls)(task)
    finally:
        _exit(1)


def _wait(setup: Setup, child: int, wall_seconds: float, runs: int) -> Ending:
    """Wait for the runner; kill it after ``wall_seconds`` without a new frame, or ``runs`` + 1 times that in all."""
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
