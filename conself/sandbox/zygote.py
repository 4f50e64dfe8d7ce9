"""The zygote: a clean single-threaded interpreter that takes jobs from the trusted process and forks the runners.

It never compiles or runs a program itself. Started through :mod:`conself.sandbox.boot`; standard library only.
"""

import _sitebuiltins
import builtins
import gc
import json
import marshal
import os
import resource
import select
import signal
import sys
import time
import traceback

from . import landlock, namespaces, packages, wire
from .programs import make_standard_streams, open_standard_input
from .rehearsal import rehearse
from .sources import literal
from .supervise import Setup, run_program
from .verdicts import Request
from .walls import harden_zygote

_ENOUGH = 1 << 15  # bytes of answers, or ...
_LONG = 0.2  # ... seconds, after which they are sent: each message wakes the trusted process up


def main(requests: int, answers: int, parent: int, options: str) -> None:
    """Serve jobs from descriptor ``requests`` until it closes or the process ``parent`` is gone.

    ``options`` is a JSON object: ``packages`` to load from the folders ``site``, the level of isolation to
    ``require``, and the layers of isolation to go ``without``.
    """
    requests, answers = _move_down(requests), _move_down(answers)
    settings = json.loads(options)
    _set_defaults()
    packages.preload(packages.COMMON)
    try:
        folders = packages.load(settings["packages"], settings["site"])
    except ImportError as error:
        _send(answers, wire.REFUSED, str(error).encode())
        return
    os.environ.clear()
    seed = packages.adapt()
    seed()
    make_standard_streams()
    open_standard_input()
    stdin, stdout, frames, trouble, waiting = (os.memfd_create("sandbox") for _ in range(5))
    null = os.open(os.devnull, os.O_RDWR)
    size = _own_size()
    rehearse()
    gc.collect()
    without, inner = settings["without"], None
    if "namespaces" not in without:
        inner = namespaces.enter(parent, landlock.readable_paths(folders))
    parent = parent if inner is None else inner
    walls = harden_zygote(without, inner is not None, folders)
    if walls.files == "no opening":
        packages.preload(packages.OTHERS)  # a runner cannot open the files of modules
    setup = Setup(null, stdin, stdout, frames, trouble, walls, parent, os.getpid(), seed)
    gc.freeze()
    if wire.LEVELS.index(walls.level) < wire.LEVELS.index(settings["require"]):
        _send(answers, wire.REFUSED, _too_weak(walls.report, settings["require"]).encode())
        return
    _send(answers, wire.HELLO, walls.report.encode())
    while (message := _receive(requests, parent)) is not None:
        try:
            _serve(setup, size, (requests, waiting, answers), message)
        except Exception:
            _send(answers, wire.FAILURE, traceback.format_exc().encode())


def _set_defaults() -> None:
    """Set the defaults of a plain interpreter, whatever the trusted process changed, and those the zygote needs."""
    for number in (signal.SIGCHLD, signal.SIGPROF, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)  # the trusted process may have ignored them
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD,))  # collected with sigtimedwait
    sys.set_int_max_str_digits(0)
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))


def _move_down(descriptor: int) -> int:
    """Move a descriptor to the lowest free number: a runner closes all below its limit of descriptors."""
    lower = os.dup(descriptor)
    os.close(descriptor)
    return lower


def _too_weak(report: str, required: str) -> str:
    return (
        f"sandbox.require={required}, but this machine gives only {report}. Run on a kernel with seccomp and Landlock "
        "(Linux 5.13 or later), and for strong outside of containers that refuse user namespaces; or, where the "
        "programs are trusted, lower sandbox.require"
    )


def _serve(setup: Setup, size: int, pipes: tuple[int, int, int], message: bytes) -> None:
    """Run the programs of a job. A runner is a copy of this process: no other program and no result is kept in memory.

    Each program is read just before it runs, and the results are kept in a file.
    """
    requests, waiting, answers = pipes
    job = json.loads(message.decode("utf-8", "surrogatepass"))
    inputs = [_prepare(text, job["entry_point"] is None) for text in job["inputs"]]
    # the interpreter's size, with the copies of this job that a runner holds
    base = size + 4 * (len(message) + job["longest"])
    request = Request(job["entry_point"], inputs, base_size=base, **job["limits"])
    last = time.monotonic()
    for audit in job["audits"]:
        source = _receive(requests, setup.parent)
        if source is None:
            return
        done = run_program(setup, request, source.decode("utf-8", "surrogatepass"), audit)
        _write(waiting, wire.message(wire.PROGRAM, wire.pack_program(*done)))
        del done
        now = time.monotonic()
        if os.lseek(waiting, 0, os.SEEK_CUR) > _ENOUGH or now > last + _LONG:
            _forward(waiting, answers)
            last = now
    _forward(waiting, answers)


def _forward(waiting: int, answers: int) -> None:
    size = os.lseek(waiting, 0, os.SEEK_CUR)
    _write(answers, os.pread(waiting, size, 0))
    os.ftruncate(waiting, 0)
    os.lseek(waiting, 0, os.SEEK_SET)


def _prepare(text: str, is_stdin: bool) -> tuple[bool, bytes]:
    """Convert an input for the runner. A literal is parsed once here; the runner rebuilds its value for each call."""
    raw = text.encode("utf-8", "surrogatepass")
    if is_stdin:
        return False, raw
    value = literal(text)
    if _has_set(value):  # marshal may change the order inside
        return False, raw
    try:
        return True, marshal.dumps(value)
    except ValueError:  # nested too deeply for marshal
        return False, raw


def _has_set(value: object) -> bool:
    """Return whether there is a set anywhere in a literal's value."""
    if isinstance(value, dict):
        return any(map(_has_set, value)) or any(map(_has_set, value.values()))
    return any(map(_has_set, value)) if isinstance(value, list | tuple) else isinstance(value, set)


def _own_size() -> int:
    """Return the address space of this process, in bytes."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def _receive(descriptor: int, parent: int) -> bytes | None:
    header = _read(descriptor, wire.LENGTH.size, parent)
    return None if header is None else _read(descriptor, wire.LENGTH.unpack(header)[0], parent)


def _read(descriptor: int, size: int, parent: int) -> bytes | None:
    """Read exactly ``size`` bytes; None at the end of the stream or when the trusted process is gone."""
    data = bytearray()
    while len(data) < size:
        while not select.select([descriptor], [], [], 0.5)[0]:
            if os.getppid() != parent:
                return None
        part = os.read(descriptor, min(size - len(data), 1 << 20))
        if not part:
            return None
        data += part
    return bytes(data)


def _send(descriptor: int, kind: bytes, body: bytes) -> None:
    _write(descriptor, wire.message(kind, body))


def _write(descriptor: int, data: bytes | bytearray) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
