"""A training process: it joins the others, makes an object and calls its methods until it is told to end.

Nothing heavy is imported until then, since a node that only waits for work imports this module as well.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from conself.training.strategies.ranks import Ranks

_PR_SET_PDEATHSIG = 1
_PATIENCE = timedelta(hours=4)
"""How long a process waits for the others in a collective: the first may be writing a large checkpoint."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to call a method of the process's object."""

    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A log record from the first process."""

    record: logging.LogRecord


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a call; None in all processes but the first."""

    value: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The exception that a process ended with."""

    error: BaseException


Message = Line | Done | Failed


@dataclass(frozen=True, slots=True)
class Group:
    """A process group, as its processes see it: ``nodes`` machines with ``per_node`` processes each.

    ``place`` is the kind of device; they find one another at ``host`` and ``port``, where the driver keeps a store.
    """

    nodes: int
    per_node: int
    place: str
    host: str
    port: int

    @property
    def count(self) -> int:
        """The number of processes."""
        return self.nodes * self.per_node

    @contextmanager
    def joined(self, index: int) -> Iterator[Ranks]:
        """Join the process group for a block; after an error it is not left, because the process ends soon anyway.

        Raises:
            ValueError: this machine has fewer GPUs than ``per_node``.
        """
        ranks = Ranks(index, self.count, index % self.per_node)
        if self.count == 1:
            yield ranks
            return
        import torch
        import torch.distributed as dist

        device = ranks.device(torch.device(self.place))
        if device.type == "cuda":
            self._check_gpus(torch.cuda.device_count())
            torch.cuda.set_device(device)
        else:
            torch.set_num_threads(max(1, torch.get_num_threads() // self.per_node))
        os.environ["LOCAL_RANK"] = str(ranks.local)  # read by torch's device meshes
        dist.init_process_group(
            dist.get_default_backend_for_device(device),
            store=open_store(self.host, self.port, False),
            rank=index,
            world_size=self.count,
            timeout=_PATIENCE,
            device_id=device if device.type == "cuda" else None,
        )
        yield ranks
        dist.barrier()  # or the first to go would break the connections of the last
        dist.destroy_process_group()

    def _check_gpus(self, n_gpus: int) -> None:
        if n_gpus < self.per_node:
            raise ValueError(
                f"training.runtime.devices is {self.per_node}, and node {socket.gethostname()} has {n_gpus} GPU; "
                "set training.runtime.devices to what every node has, and have SLURM give as many (--gpus-per-node)"
            )


def work(group: Group, index: int, caller: Connection, make: Callable[..., Any], arguments: Sequence[Any]) -> None:
    """Make an object in process ``index``, and answer calls until None comes; an exception is the last answer."""
    _hand_logs_to(caller if index == 0 else None)
    try:
        with group.joined(index) as ranks:
            target = make(*arguments, ranks)
            caller.send(Done(None))
            while (call := caller.recv()) is not None:
                value = getattr(target, call.method)(*call.arguments)
                caller.send(Done(value if index == 0 else None))
        caller.send(Done(None))
    except BaseException as error:  # it is raised in the driver
        where = f" on node {socket.gethostname()}" if group.nodes > 1 else ""
        error.add_note(f"in process {index} of {group.count}{where}:\n{traceback.format_exc()}")
        with suppress(EOFError, OSError):
            caller.send(Failed(_portable(error)))
            caller.recv()  # until it is ended: to go would break the others' connections, and they would complain


def open_store(host: str, port: int, is_host: bool) -> Any:
    """Open the store by which processes find one another. Port 0: a free port chosen by the system."""
    import torch.distributed as dist

    return dist.TCPStore(host, port, is_master=is_host, wait_for_workers=False)  # type: ignore[attr-defined]


def end_with(parent: int) -> None:
    """Let this process end when ``parent``, which started it, does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver answers Ctrl-C
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)


def death_of(status: int | None, host: str | None) -> ChildProcessError:
    """Return the error for a process that ended with ``status`` before it had answered; ``host``: on another node."""
    where = "" if host is None else f" on node {host}"
    if status == -signal.SIGKILL:
        cause = "was killed, most likely for lack of memory; lower training.runtime.layout.token_budget, raise"
        remedy = "training.runtime.gradient_checkpointing, or spread the model by training/strategy=fsdp"
        return ChildProcessError(f"a training process{where} {cause} {remedy}; the same command resumes from there")
    return ChildProcessError(f"a training process{where} ended with status {status}; it says why above")


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
    def __init__(self, caller: Connection) -> None:
        super().__init__()
        self._caller = caller

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args, record.exc_info = record.getMessage(), None, None  # so that it can be pickled
        self._caller.send(Line(record))


def _hand_logs_to(caller: Connection | None) -> None:
    """Send this package's log records to the driver, or drop them: all processes would log the same."""
    log = logging.getLogger("conself")
    log.propagate = False
    log.setLevel(logging.DEBUG)
    log.handlers = [logging.NullHandler() if caller is None else _Handler(caller)]
