"""The meeting of a job's nodes: the driver waits for the others before any work, and has them train when it does.

The driver writes an invitation (:mod:`conself.training.strategies.wire`) into the store, and each other node calls it.
"""

from __future__ import annotations

import atexit
import json
import time
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from queue import Empty
from typing import Any

from conself.runtime.versions import versions
from conself.training.strategies.nodes import Away, Node, Start
from conself.training.strategies.rank_process import Group, death_of
from conself.training.strategies.srun import Srun
from conself.training.strategies.wire import Door, Hello, Invitation, invite

MEETING_SECONDS = 300.0
"""How long the driver waits for the other nodes, and these for it; processes of a training that start, likewise."""
_POLL_SECONDS = 0.2


class Meeting:
    """The driver's connections to the other nodes, from their joining until :meth:`close`.

    ``folder`` is the store, in which they find the driver; each wait is at most ``seconds`` long.
    """

    def __init__(self, srun: Srun, folder: Path, seconds: float) -> None:
        self.srun, self.seconds = srun, seconds
        self.nodes: list[Node] = []
        self._file, self._trainings = invitation_file(srun, folder), 0
        self._door = Door(srun.port)
        self._at = Invitation(srun.host, self._door.port, self._door.key)

    def gather(self) -> None:
        """Wait until all nodes have joined.

        Raises:
            OSError: some have not; names the address and the file. Or the file cannot be written.
            ValueError: one has other versions of packages.
        """
        invite(self._file, self._at)
        joined: dict[int, Node] = {}
        until = time.monotonic() + self.seconds
        try:
            while len(joined) < self.srun.count - 1:
                try:
                    hello, control = self._door.arrived.get(timeout=max(until - time.monotonic(), 0))
                except Empty:
                    missing = sorted(set(range(1, self.srun.count)) - set(joined))
                    raise TimeoutError(self._nobody(missing)) from None
                self.nodes.append(Node(str(hello["host"]), control))
                _welcome(hello, control, self.srun.host)
                joined[int(str(hello["node"]))] = self.nodes[-1]
        finally:
            self._file.unlink(missing_ok=True)
        self.nodes = [joined[number] for number in sorted(joined)]

    def _nobody(self, missing: list[int]) -> str:
        numbers = ", ".join(map(str, missing))
        strangers = f"; {self._door.refused} connections without the job's key were refused" * bool(self._door.refused)
        return (
            f"nodes {numbers} of 0 to {self.srun.count - 1} have not joined within {self.seconds:g} s: they must see "
            f"{self._file.parent} at the same path, and reach the driver at {self._at.address} (MASTER_ADDR and "
            f"MASTER_PORT name another address){strangers}"
        )

    def open(self, group: Group, job: tuple[Any, ...]) -> dict[Connection, Away]:
        """Start the processes of the other nodes, send each its ``job``, and return them in order of rank.

        Raises:
            ChildProcessError: one died before it called, or a node is gone.
            TimeoutError: one has not called in time.
        """
        self._trainings += 1
        number, packed, arrived = self._trainings, ForkingPickler.dumps(job), dict[int, Connection]()
        try:
            for place, node in enumerate(self.nodes, 1):
                node.tell(Start(number, place * group.per_node, group, self._at, self.seconds))
            waiting = {
                place * group.per_node + k: n for place, n in enumerate(self.nodes, 1) for k in range(group.per_node)
            }
            until = time.monotonic() + self.seconds
            while len(arrived) < len(waiting):
                try:
                    hello, connection = self._door.arrived.get(timeout=_POLL_SECONDS)
                except Empty:
                    self._see_that_they_live(number, until)
                    continue
                if hello.get("training") != number:  # of one that was given up
                    connection.close()
                    continue
                arrived[int(str(hello["rank"]))] = connection
                with suppress(OSError):  # it has died, which its caller will hear
                    connection.send_bytes(packed)
        except BaseException:
            for connection in arrived.values():
                connection.close()
            for node in self.nodes:
                Away(node, number, 0).end()
            raise
        return {arrived[rank]: Away(waiting[rank], number, rank) for rank in sorted(waiting)}

    def _see_that_they_live(self, training: int, until: float) -> None:
        for node in self.nodes:
            while wait([node.control], 0):
                node.hear()
            for (number, _), status in node.ended.items():
                if number == training:
                    raise death_of(status, node.host)
        if time.monotonic() > until:
            raise TimeoutError(f"training processes of other nodes have not called {self._at.address} in time")

    def close(self) -> None:
        """Tell the other nodes that the job is over."""
        self._file.unlink(missing_ok=True)
        self._door.close()
        for node in self.nodes:
            with suppress(ChildProcessError):
                node.tell(None)
            node.control.close()


def invitation_file(srun: Srun, folder: Path) -> Path:
    """Return the file in the store by which the nodes of an srun find their driver."""
    return folder / f".nodes-{srun.name}"


def _welcome(hello: Hello, control: Connection, host: str) -> None:
    """Answer a node that joins.

    Raises:
        ValueError: it has other versions of packages.
    """
    here, there = versions(), hello["versions"]
    assert isinstance(there, dict)
    differ = [f"{name} {there.get(name)}, not {here[name]}" for name in here if there.get(name) != here[name]]
    why = (
        f"node {hello['host']} has {', '.join(differ)} as the driver on {host}; install the same versions on all nodes"
        if differ
        else None
    )
    with suppress(OSError):  # it will be missed
        control.send_bytes(json.dumps({"refused": why}).encode())
    if why is not None:
        raise ValueError(why)


_meeting: Meeting | None = None


def meet(srun: Srun, folder: Path, seconds: float) -> Meeting:
    """Wait for the other nodes, which then serve this process until it ends.

    Raises:
        OSError, ValueError: as :meth:`Meeting.gather`.
    """
    global _meeting
    gathered = Meeting(srun, folder, seconds)
    atexit.register(gathered.close)
    gathered.gather()
    _meeting = gathered
    return gathered


def meeting(nodes: int) -> Meeting | None:
    """Return the meeting of ``nodes`` nodes; None for one.

    Raises:
        ValueError: as many have not met.
    """
    if nodes == 1:
        return None
    if _meeting is None or _meeting.srun.count != nodes:
        raise ValueError(
            f"training.runtime.nodes is {nodes}, and no other node has joined this job: set it for all jobs of the "
            f"command, and start that by `srun --nodes={nodes} --ntasks-per-node=1 python -m conself.train ...`"
        )
    return _meeting
