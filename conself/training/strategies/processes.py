"""Training processes, one or several: started, called and ended by this process, which also relays their logs.

Unlike with Lightning's launcher the script is not run again for them: in a sweep each would start the sweep again.
Those of other nodes (:mod:`conself.training.strategies.nodes`) are called as those of this machine are.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, Protocol

from conself.training.strategies.meeting import meeting
from conself.training.strategies.nodes import Node
from conself.training.strategies.rank_process import (
    Call,
    Done,
    Failed,
    Group,
    Line,
    Message,
    death_of,
    end_with,
    open_store,
    work,
)

if TYPE_CHECKING:
    import torch

_HERE = "127.0.0.1"
_GRACE_SECONDS = 0.5
"""When one rank is killed, other ranks may report their own failure first; wait this many seconds for the cause."""


class Member(Protocol):
    """A training process, here or on another node."""

    def end(self) -> None:
        """Kill it, whatever it is doing."""
        ...

    def death(self) -> ChildProcessError:
        """Return the cause, once its connection has broken."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """A process of this machine."""

    process: BaseProcess

    def end(self) -> None:
        """Kill it and wait for its end; one that has ended well is past all that matters."""
        self.process.kill()
        self.process.join()

    def death(self) -> ChildProcessError:
        """Wait for its end, and return an error that says how it ended."""
        self.process.join()
        return death_of(self.process.exitcode, None)


@dataclass(frozen=True, slots=True)
class Running:
    """The processes by their connections, in order of rank, and the nodes of some of them by theirs."""

    members: dict[Connection, Member] = field(default_factory=dict)
    nodes: dict[Connection, Node] = field(default_factory=dict)


@contextmanager
def processes(
    make: Callable[..., Any], arguments: Sequence[Any], nodes: int, count: int, place: torch.device
) -> Iterator[Callable[..., Any]]:
    """Start ``count`` processes on each node, each with an object ``make(*arguments, ranks)``; they end with the block.

    Yields ``call(method, *arguments)``, which calls the method of all objects and returns the first process's result.
    Several processes form a torch process group (gloo on CPUs, nccl on GPUs). The first process's logs are relayed
    here. Function, arguments and results must be picklable.

    Raises:
        ChildProcessError: a process was killed, or a node is gone.
        ValueError: the nodes of this job have not met.
        Exception: the exception of a process; the others are ended, whatever they are doing.
    """
    others = meeting(nodes)
    host = _HERE if others is None else others.srun.host
    store = open_store(host, 0, True)
    group, running = Group(nodes, count, str(place), host, store.port), Running()
    try:
        _start_here(running, group, make, tuple(arguments))
        if others is not None:
            running.nodes.update({node.control: node for node in others.nodes})
            running.members.update(others.open(group, (make, tuple(arguments))))
        _answer(running)
        yield lambda method, *values: _ask(running, Call(method, values))
        _ask(running, None)
    finally:
        for connection, member in running.members.items():
            member.end()
            connection.close()


def _start_here(running: Running, group: Group, make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    context = multiprocessing.get_context("spawn")  # torch's thread pools and CUDA do not survive a fork
    for index in range(group.per_node):
        ours, theirs = context.Pipe()
        new = context.Process(target=_main, args=(os.getpid(), group, index, theirs, make, arguments))
        new.start()
        running.members[ours] = Here(new)
        theirs.close()


def _main(parent: int, *job: Any) -> None:
    end_with(parent)
    work(*job)


def _ask(running: Running, call: Call | None) -> Any:
    """Return the first process's answer to a call; None asks all to end."""
    for connection in running.members:
        with suppress(OSError):  # it has died, which will be reported
            connection.send(call)
    return _answer(running)


def _answer(running: Running) -> Any:
    """Return the first process's result, once all have answered."""
    waiting = list(running.members)
    first, result = waiting[0], None
    while waiting:
        for connection in _ready([*waiting, *running.nodes]):
            if connection in running.nodes:
                running.nodes[connection].hear()  # it may be gone
                continue
            message = _heard(connection, running.members[connection])
            if isinstance(message, Failed):
                waiting.remove(connection)
                raise _cause(message, {other: running.members[other] for other in waiting})
            if isinstance(message, Line):
                _log(message.record)
            if isinstance(message, Done):
                waiting.remove(connection)
                result = message.value if connection is first else result
    return result


def _ready(waiting: Sequence[Connection], timeout: float | None = None) -> list[Connection]:
    """Wait for processes with a message, for up to ``timeout`` seconds, and return them."""
    ready = wait(waiting, timeout)
    return [connection for connection in waiting if connection in ready]


def _heard(connection: Connection, member: Member) -> Message:
    try:
        message: Message = connection.recv()
        return message
    except (EOFError, OSError):
        return Failed(member.death())


def _cause(failed: Failed, others: Mapping[Connection, Member]) -> BaseException:
    """Choose the original failure: a process's death comes before its effects on other processes."""
    waiting = [] if isinstance(failed.error, ChildProcessError) else list(others)
    while ready := _ready(waiting, _GRACE_SECONDS):
        for connection in ready:
            message = _heard(connection, others[connection])
            if isinstance(message, Failed | Done):
                waiting.remove(connection)
            if isinstance(message, Failed) and isinstance(message.error, ChildProcessError):
                return message.error
    return failed.error


def _log(record: logging.LogRecord) -> None:
    log = logging.getLogger(record.name)
    if log.isEnabledFor(record.levelno):
        log.handle(record)
