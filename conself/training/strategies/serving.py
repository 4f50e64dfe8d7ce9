"""A node that serves the driver of its job: it starts training processes when told, and waits without work between.

:mod:`conself.training.strategies.meeting` is the other end.
"""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from conself.runtime.versions import versions
from conself.training.strategies.meeting import invitation_file
from conself.training.strategies.nodes import Ended, Start
from conself.training.strategies.rank_process import end_with, work
from conself.training.strategies.srun import Srun
from conself.training.strategies.wire import connect, invitation


def serve(srun: Srun, folder: Path, seconds: float, tell: Callable[[str], None]) -> None:
    """Join the driver whose invitation is in the store ``folder``, waiting up to ``seconds``; serve it until its end.

    Raises:
        OSError: there is no driver, it cannot be reached, or it has died.
        ValueError: it has other versions of packages, or another key.
    """
    at = invitation(invitation_file(srun, folder), seconds)
    control = connect(at, {"node": srun.node, "host": srun.host, "versions": dict(versions())}, seconds)
    try:
        why = json.loads(control.recv_bytes())["refused"]
        if why is not None:
            raise ValueError(why)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver answers Ctrl-C
        tell(f"node {srun.node} ({srun.host}) trains for the driver on {at.host}")
        _obey(control)
    except (EOFError, OSError) as error:
        raise ConnectionError(
            f"the driver on {at.host} is gone, and node {srun.host} ends with it; the same command resumes"
        ) from error
    finally:
        control.close()


def _obey(control: Connection) -> None:
    """Follow orders until the last one; no process is left then, nor if the driver dies."""
    running: dict[int, tuple[int, BaseProcess]] = {}
    training = 0
    try:
        while True:
            for ready in wait([control, *running]):
                if ready is control:
                    order = control.recv()
                    _end(running)
                    if order is None:
                        return
                    if isinstance(order, Start):
                        training = order.training
                        _start(running, order)
                elif isinstance(ready, int) and ready in running:
                    rank, process = running.pop(ready)
                    process.join()
                    control.send(Ended(training, rank, process.exitcode))
    finally:
        _end(running)


def _start(running: dict[int, tuple[int, BaseProcess]], order: Start) -> None:
    context = multiprocessing.get_context("spawn")
    for rank in range(order.first, order.first + order.group.per_node):
        process = context.Process(target=_main, args=(os.getpid(), order, rank))
        process.start()
        running[process.sentinel] = (rank, process)


def _end(running: dict[int, tuple[int, BaseProcess]]) -> None:
    for _, process in running.values():
        process.kill()
        process.join()
    running.clear()


def _main(parent: int, order: Start, rank: int) -> None:
    end_with(parent)
    caller = connect(order.at, {"training": order.training, "rank": rank}, order.seconds)
    work(order.group, rank, caller, *caller.recv())
