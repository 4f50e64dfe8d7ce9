"""Processes that train together: started by this one, ended with it, and heard only through it.

The script is never run again for them, as Lightning's launcher does: in a sweep each would start the sweep once more.
"""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning.pytorch.loggers import Logger

from conself.training.distributed import Ranks

Result = TypeVar("Result")

_PR_SET_PDEATHSIG = 1
_HOST = "127.0.0.1"
_PATIENCE = timedelta(hours=4)
"""How long a process waits for the others in a collective: the first may be writing a large checkpoint."""
_GRACE_SECONDS = 0.5
"""Where one process is killed, others fail for want of it; that may be heard first."""


@dataclass(frozen=True, slots=True)
class _Call:
    """The first process wants its logger's ``method`` called."""

    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """The first process has something for the logs."""

    record: logging.LogRecord


@dataclass(frozen=True, slots=True)
class _Ended:
    value: Any


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


def together(
    function: Callable[..., Result], arguments: Sequence[Any], count: int, device: str, logger: Logger | None
) -> Result:
    """``function(*arguments, ranks, logger)`` in ``count`` new processes; what the first of them returns.

    They form a torch process group (gloo on CPUs, nccl on GPUs). What the first tells its logger and its logs reaches
    ``logger`` and the logs here. All arguments must be picklable.

    Raises:
        ChildProcessError: a process was killed.
        Exception: what a process has raised; the others are ended, wherever they are.
    """
    context = multiprocessing.get_context("spawn")  # torch's thread pools and CUDA do not survive a fork
    store = _store(0, True)
    group = _Group(count, device, store.port, os.getpid(), logger is not None)
    processes: dict[Connection, BaseProcess] = {}
    try:
        for index in range(count):
            ours, theirs = context.Pipe()
            processes[ours] = context.Process(target=_main, args=(group, index, theirs, function, tuple(arguments)))
            processes[ours].start()
            theirs.close()
        result: Result = _listen(processes, logger)
        return result
    finally:
        for connection, process in processes.items():
            process.kill()  # those that have ended well are past all that matters
            process.join()
            connection.close()


def _listen(connections: Iterable[Any], logger: Logger | None) -> Any:
    waiting = list(connections)
    first, result = waiting[0], None
    while waiting:
        for connection in wait(waiting):
            message = _heard(connection)
            if isinstance(message, _Failed):
                raise _cause(message, [other for other in waiting if other is not connection])
            if isinstance(message, _Line) and logging.getLogger(message.record.name).isEnabledFor(
                message.record.levelno
            ):
                logging.getLogger(message.record.name).handle(message.record)
            if isinstance(message, _Call) and logger is not None:
                getattr(logger, message.method)(*message.arguments)
            if isinstance(message, _Ended):
                waiting.remove(connection)
                result = message.value if connection is first else result
    return result


def _heard(connection: Any) -> Any:
    try:
        return connection.recv()
    except (EOFError, ConnectionError):
        return _Failed(
            ChildProcessError(
                "a training process was killed, most likely for lack of memory; lower "
                "training.runtime.layout.token_budget or training.runtime.devices, or set strategy=fsdp"
            )
        )


def _cause(failed: _Failed, others: Sequence[Any]) -> BaseException:
    """What went wrong first: a killed process before what its end has done to another."""
    waiting = [] if isinstance(failed.error, ChildProcessError) else list(others)
    while ready := wait(waiting, timeout=_GRACE_SECONDS):
        for connection in ready:
            message = _heard(connection)
            if isinstance(message, _Failed):
                waiting.remove(connection)
                if isinstance(message.error, ChildProcessError):
                    return message.error
    return failed.error


@dataclass(frozen=True, slots=True)
class _Group:
    """What the processes of a group know of it."""

    count: int
    device: str
    port: int
    parent: int
    logs: bool

    @contextmanager
    def joined(self, index: int) -> Iterator[Ranks]:
        """The process group around a block that ends well; where it does not, the process ends soon anyway."""
        ranks = Ranks(index, self.count)
        device = ranks.device(self.device)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        else:
            torch.set_num_threads(max(1, torch.get_num_threads() // self.count))
        # For Lightning: the processes are there, and which of them this is.
        os.environ |= {"LOCAL_RANK": str(index), "NODE_RANK": "0"}
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


def _main(
    group: _Group, index: int, parent: Connection, function: Callable[..., Any], arguments: Sequence[Any]
) -> None:
    _end_with(group.parent)
    said = _Relay(parent)
    logger = said if group.logs and index == 0 else None
    _hand_logs_to(said if index == 0 else None)
    try:
        with group.joined(index) as ranks:
            result = function(*arguments, ranks, logger)
        parent.send(_Ended(result if index == 0 else None))
    except BaseException as error:  # it is raised in the parent
        error.add_note(f"in process {index} of {group.count}:\n{traceback.format_exc()}")
        parent.send(_Failed(_portable(error)))
        with suppress(EOFError, ConnectionError):
            parent.recv()  # until it is ended: to go would break the others' connections, and they would complain


def _store(port: int, here: bool) -> Any:
    """Where the processes find one another. Port 0: one that the system gives, and that nobody else is about to take."""
    return dist.TCPStore(_HOST, port, is_master=here, wait_for_workers=False)  # type: ignore[attr-defined]


def _end_with(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)


def _portable(error: BaseException) -> BaseException:
    """The error, or one that says the same, if it would not survive its way to another process."""
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:  # whatever its class does when it is made
        same = RuntimeError(f"{type(error).__name__}: {error}")
        same.__notes__ = list(error.__notes__)
        return same
    return error


class _Relay(Logger):
    """Lightning's logger in the first process: all it does is done by the logger of the parent."""

    def __init__(self, parent: Connection) -> None:
        super().__init__()
        self._parent = parent

    @property
    def name(self) -> str:
        """Where files would go; there are none."""
        return ""

    @property
    def version(self) -> str:
        """As ``name``."""
        return ""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """One row of the curve."""
        self._parent.send(_Call("log_metrics", (dict(metrics), step)))

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """There are none: the job's whole config is logged by the job."""

    def save(self) -> None:
        """Write what is logged."""
        self._parent.send(_Call("save", ()))

    def finalize(self, status: str) -> None:
        """The training has ended."""
        self._parent.send(_Call("finalize", (status,)))

    def record(self, record: logging.LogRecord) -> None:
        """A line for the logs."""
        self._parent.send(_Line(record))


class _Handler(logging.Handler):
    def __init__(self, relay: _Relay) -> None:
        super().__init__()
        self._relay = relay

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args, record.exc_info = record.getMessage(), None, None  # what can be pickled
        self._relay.record(record)


def _hand_logs_to(relay: _Relay | None) -> None:
    """All of this package's log lines go to the parent, or nowhere: the processes would say the same."""
    log = logging.getLogger("conself")
    log.propagate = False
    log.setLevel(logging.DEBUG)
    log.handlers = [logging.NullHandler() if relay is None else _Handler(relay)]
