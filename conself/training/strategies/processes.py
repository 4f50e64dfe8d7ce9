"""Training processes, one or several: started, called and ended by this process, which also relays their logs.

Unlike with Lightning's launcher the script is not run again for them: in a sweep each would start the sweep again.
"""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
import torch.distributed as dist

from conself.training.strategies.ranks import Ranks

_PR_SET_PDEATHSIG = 1
_HOST = "127.0.0.1"
_PATIENCE = timedelta(hours=4)
"""How long a process waits for the others in a collective: the first may be writing a large checkpoint."""
_GRACE_SECONDS = 0.5
"""When one rank is killed, other ranks may report their own failure first; wait this many seconds for the cause."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A request to call a method of the process's object."""

    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A log record from the first process."""

    record: logging.LogRecord


@dataclass(frozen=True, slots=True)
class _Done:
    value: Any


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


Message = _Line | _Done | _Failed


@contextmanager
def processes(
    make: Callable[..., Any], arguments: Sequence[Any], count: int, place: torch.device
) -> Iterator[Callable[..., Any]]:
    """Start ``count`` processes, each with an object ``make(*arguments, ranks)``; they end with the block.

    Yields ``call(method, *arguments)``, which calls the method of all objects and returns the first process's result.
    Several processes form a torch process group (gloo on CPUs, nccl on GPUs). The first process's logs are relayed
    here. Function, arguments and results must be picklable.

    Raises:
        ChildProcessError: a process was killed.
        Exception: the exception of a process; the others are ended, whatever they are doing.
    """
    context = multiprocessing.get_context("spawn")  # torch's thread pools and CUDA do not survive a fork
    store = _store(0, True)
    group = _Group(count, place, store.port, os.getpid())
    running: dict[Connection, BaseProcess] = {}
    try:
        for index in range(count):
            ours, theirs = context.Pipe()
            new = context.Process(target=_main, args=(group, index, theirs, make, tuple(arguments)))
            new.start()
            running[ours] = new
            theirs.close()
        _answer(running)
        yield lambda method, *values: _ask(running, _Call(method, values))
        _ask(running, None)
    finally:
        for connection, process in running.items():
            process.kill()  # those that have ended well are past all that matters
            process.join()
            connection.close()


def _ask(running: Mapping[Connection, BaseProcess], call: _Call | None) -> Any:
    """Return the first process's answer to a call; None asks all to end."""
    for connection in running:
        with suppress(ConnectionError):  # it has died, which will be reported
            connection.send(call)
    return _answer(running)


def _answer(running: Mapping[Connection, BaseProcess]) -> Any:
    """Return the first process's result, once all have answered."""
    waiting = list(running)
    first, result = waiting[0], None
    while waiting:
        for connection in _ready(waiting):
            message = _heard(connection, running[connection])
            if isinstance(message, _Failed):
                waiting.remove(connection)
                raise _cause(message, {other: running[other] for other in waiting})
            if isinstance(message, _Line):
                _log(message.record)
            if isinstance(message, _Done):
                waiting.remove(connection)
                result = message.value if connection is first else result
    return result


def _ready(waiting: Sequence[Connection], timeout: float | None = None) -> list[Connection]:
    """Wait for processes with a message, for up to ``timeout`` seconds, and return them."""
    ready = wait(waiting, timeout)
    return [connection for connection in waiting if connection in ready]


def _heard(connection: Connection, process: BaseProcess) -> Message:
    try:
        message: Message = connection.recv()
        return message
    except (EOFError, ConnectionError):
        process.join()
    if process.exitcode == -signal.SIGKILL:
        cause = "was killed, most likely for lack of memory; lower training.runtime.layout.token_budget, raise"
        remedy = "training.runtime.gradient_checkpointing, or spread the model by training/strategy=fsdp"
        return _Failed(ChildProcessError(f"a training process {cause} {remedy}; the same command resumes from there"))
    return _Failed(ChildProcessError(f"a training process ended with status {process.exitcode}; it says why above"))


def _cause(failed: _Failed, others: dict[Connection, BaseProcess]) -> BaseException:
    """Choose the original failure: a process's death comes before its effects on other processes."""
    waiting = [] if isinstance(failed.error, ChildProcessError) else list(others)
    while ready := _ready(waiting, _GRACE_SECONDS):
        for connection in ready:
            message = _heard(connection, others[connection])
            if isinstance(message, _Failed | _Done):
                waiting.remove(connection)
            if isinstance(message, _Failed) and isinstance(message.error, ChildProcessError):
                return message.error
    return failed.error


def _log(record: logging.LogRecord) -> None:
    log = logging.getLogger(record.name)
    if log.isEnabledFor(record.levelno):
        log.handle(record)


@dataclass(frozen=True, slots=True)
class _Group:
    """A process group, as its processes see it."""

    count: int
    place: torch.device
    port: int
    parent: int

    @contextmanager
    def joined(self, index: int) -> Iterator[Ranks]:
        """Join the process group for a block; after an error it is not left, because the process ends soon anyway."""
        ranks = Ranks(index, self.count)
        if self.count == 1:
            yield ranks
            return
        device = ranks.device(self.place)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        else:
            torch.set_num_threads(max(1, torch.get_num_threads() // self.count))
        os.environ["LOCAL_RANK"] = str(index)  # read by torch's device meshes
        dist.init_process_group(
            dist.get_default_backend_for_device(device),
            store=_store(self.port, False),
            rank=index,
            world_size=self.count,
            timeout=_PATIENCE,
            device_id=device if device.type == "cuda" else None,
        )
        yield ranks
        dist.barrier()  # or the first to go would break the connections of the last
        dist.destroy_process_group()


def _main(group: _Group, index: int, parent: Connection, make: Callable[..., Any], arguments: Sequence[Any]) -> None:
    _end_with(group.parent)
    _hand_logs_to(parent if index == 0 else None)
    try:
        with group.joined(index) as ranks:
            target = make(*arguments, ranks)
            parent.send(_Done(None))
            while (call := parent.recv()) is not None:
                value = getattr(target, call.method)(*call.arguments)
                parent.send(_Done(value if index == 0 else None))
        parent.send(_Done(None))
    except BaseException as error:  # it is raised in the parent
        error.add_note(f"in process {index} of {group.count}:\n{traceback.format_exc()}")
        with suppress(EOFError, ConnectionError):
            parent.send(_Failed(_portable(error)))
            parent.recv()  # until it is ended: to go would break the others' connections, and they would complain


def _store(port: int, is_host: bool) -> Any:
    """Open the store by which processes find one another. Port 0: a free port chosen by the system."""
    return dist.TCPStore(_HOST, port, is_master=is_host, wait_for_workers=False)  # type: ignore[attr-defined]


def _end_with(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)


def _portable(error: BaseException) -> BaseException:
    """Return the error, or one with the same message if it cannot be pickled."""
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:  # whatever its class does when it is made
        same = RuntimeError(f"{type(error).__name__}: {error}")
        same.__notes__ = list(error.__notes__)
        return same
    return error


class _Handler(logging.Handler):
    def __init__(self, parent: Connection) -> None:
        super().__init__()
        self._parent = parent

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args, record.exc_info = record.getMessage(), None, None  # so that it can be pickled
        self._parent.send(_Line(record))


def _hand_logs_to(parent: Connection | None) -> None:
    """Send this package's log records to the parent, or drop them: all processes would log the same."""
    log = logging.getLogger("conself")
    log.propagate = False
    log.setLevel(logging.DEBUG)
    log.handlers = [logging.NullHandler() if parent is None else _Handler(parent)]
