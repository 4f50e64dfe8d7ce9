"""The other nodes of a job, as its driver sees them: each runs training processes when told.

:mod:`conself.training.strategies.serving` is the other end.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from conself.training.strategies.rank_process import Group, death_of
from conself.training.strategies.wire import Invitation

_WORD_SECONDS = 5.0
"""How long a node has to say how its process ended, once that process's connection has broken."""


@dataclass(frozen=True, slots=True)
class Start:
    """An order to a node: start the processes from rank ``first`` on of a training, which call the driver."""

    training: int
    first: int
    group: Group
    at: Invitation
    seconds: float


@dataclass(frozen=True, slots=True)
class Stop:
    """An order to a node: end all processes."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A node's word that a process of a training ended, with its status."""

    training: int
    rank: int
    status: int | None


class Node:
    """Another node: its host name, the connection to its command, and how its processes ended."""

    def __init__(self, host: str, control: Connection) -> None:
        self.host, self.control = host, control
        self.ended: dict[tuple[int, int], int | None] = {}

    def tell(self, order: Start | Stop | None) -> None:
        """Send an order; None: the job is over.

        Raises:
            ChildProcessError: the node is gone.
        """
        try:
            self.control.send(order)
        except OSError:
            raise self.gone() from None

    def hear(self) -> None:
        """Read one message, for which one may have to wait.

        Raises:
            ChildProcessError: the node is gone.
        """
        try:
            word: Ended = self.control.recv()
        except (EOFError, OSError):
            raise self.gone() from None
        self.ended[word.training, word.rank] = word.status

    def gone(self) -> ChildProcessError:
        """Return the error that the node has died."""
        return ChildProcessError(
            f"node {self.host} is gone: its command was killed, or the machine does not answer; srun's output and "
            "`sacct` may say why. The same command on all nodes resumes from the newest checkpoint"
        )

    def fate(self, training: int, rank: int) -> ChildProcessError:
        """Return the error for a process whose connection has broken."""
        until = time.monotonic() + _WORD_SECONDS
        while (training, rank) not in self.ended:
            if not wait([self.control], max(until - time.monotonic(), 0)):
                return ChildProcessError(f"the connection to a training process on node {self.host} broke; try again")
            try:
                self.hear()
            except ChildProcessError as gone:
                return gone
        return death_of(self.ended[training, rank], self.host)


@dataclass(frozen=True, slots=True)
class Away:
    """A training process on another node."""

    node: Node
    training: int
    rank: int

    def end(self) -> None:
        """Have its node end it."""
        with suppress(ChildProcessError):  # gone, and its processes with it
            self.node.tell(Stop())

    def death(self) -> ChildProcessError:
        """Return an error that says how it ended."""
        return self.node.fate(self.training, self.rank)
