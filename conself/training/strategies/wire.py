"""Connections between the nodes of a job, which take its key, and the file that hands the key out.

The driver writes its address and a new key into a file in the shared store, which only its user can read and which it
removes when all nodes have joined. Each end of a connection proves that it knows the key before anything is unpickled.
"""

import json
import os
import secrets
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path
from queue import SimpleQueue

from conself.sandbox.jsonlines import Plain

Hello = Mapping[str, Plain]
"""The introduction of whoever has connected."""

_GREETING_SECONDS = 20
"""A connection that has not proved by then that it knows the key is closed."""
_AT_ONCE = 256
"""Greetings at a time."""
_LONGEST_HELLO = 65536
_POLL_SECONDS = 0.5
_KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}
"""A machine that no longer answers, for want of power or network, is noticed within about these 5 + 2 x 3 seconds."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """The driver's address and the job's key, in hex."""

    host: str
    port: int
    key: str

    @property
    def address(self) -> str:
        """HOST:PORT, for messages."""
        return f"{self.host}:{self.port}"


class Door:
    """A listening socket; whoever proves to know ``key`` is put into ``arrived``, others are counted in ``refused``.

    Raises:
        OSError: the port cannot be opened.
    """

    def __init__(self, port: int) -> None:
        self.key = secrets.token_hex(32)
        self.arrived: SimpleQueue[tuple[Hello, Connection]] = SimpleQueue()
        self.refused = 0
        self._is_closed = False
        self._room = threading.Semaphore(_AT_ONCE)
        try:
            self._socket = socket.create_server(("", port), backlog=1024)
        except OSError as error:
            raise OSError(
                f"MASTER_PORT={port} cannot be listened at ({error}); choose another, or leave it out"
            ) from None
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more."""
        self._is_closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # which wakes the thread that listens
        self._socket.close()

    def _listen(self) -> None:
        while not self._is_closed:
            self._room.acquire()  # strangers cannot take all threads and descriptors of the job
            try:
                arriving, _ = self._socket.accept()
                threading.Thread(target=self._greet, args=(arriving,), daemon=True).start()
            except (OSError, RuntimeError):  # closed; or no descriptor or thread is left for the moment
                self._room.release()
                time.sleep(_POLL_SECONDS)

    def _greet(self, arriving: socket.socket) -> None:
        end = threading.Timer(_GREETING_SECONDS, partial(_hang_up, arriving))  # each read alone may take as long
        end.start()
        try:
            with arriving:
                connection = _connection(arriving)
                try:
                    deliver_challenge(connection, bytes.fromhex(self.key))
                    answer_challenge(connection, bytes.fromhex(self.key))
                    hello = json.loads(connection.recv_bytes(_LONGEST_HELLO))
                    _wait_for(arriving, 0)
                except BaseException:
                    connection.close()
                    raise
                end.cancel()
        except (AssertionError, AuthenticationError, EOFError, OSError, ValueError):
            self.refused += 1
        else:
            self.arrived.put((hello, connection))
        finally:
            end.cancel()
            self._room.release()


def connect(at: Invitation, hello: Hello, seconds: float) -> Connection:
    """Connect to a driver's door within ``seconds``, and introduce oneself.

    Raises:
        OSError: it cannot be reached; names the address.
        ValueError: it has another key.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            leaving = socket.create_connection((at.host, at.port), timeout=max(until - time.monotonic(), 0.1))
            break
        except OSError as error:
            if time.monotonic() + _POLL_SECONDS > until:
                raise OSError(
                    f"node {socket.gethostname()} cannot reach the driver at {at.address} within {seconds:g} s "
                    f"({error}); set MASTER_ADDR to a name by which the nodes reach it, MASTER_PORT to an open port"
                ) from None
        time.sleep(_POLL_SECONDS)
    leaving.settimeout(None)
    with leaving:
        connection = _connection(leaving)
        try:
            answer_challenge(connection, bytes.fromhex(at.key))
            deliver_challenge(connection, bytes.fromhex(at.key))
            connection.send_bytes(json.dumps(dict(hello)).encode())
        except BlockingIOError:
            connection.close()
            raise OSError(
                f"the driver at {at.address} has not answered node {socket.gethostname()} within {_GREETING_SECONDS} "
                "s; try again, or set MASTER_PORT to another port"
            ) from None
        except (AssertionError, AuthenticationError, EOFError, OSError) as error:
            connection.close()
            raise ValueError(
                f"the driver at {at.address} refused node {socket.gethostname()}, has another key, or is something "
                f"else ({type(error).__name__}); start the command on all nodes by one srun"
            ) from None
        _wait_for(leaving, 0)
    return connection


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):  # it has gone
        end.shutdown(socket.SHUT_RDWR)


def _connection(end: socket.socket) -> Connection:
    """Return a connection over a copy of the socket, on which reading fails after ``_GREETING_SECONDS``."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            end.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    _wait_for(end, _GREETING_SECONDS)
    return Connection(os.dup(end.fileno()))


def _wait_for(end: socket.socket, seconds: int) -> None:
    """Set how long reading may wait, for all copies of the socket; 0: for ever."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", seconds, 0))


def invite(file: Path, invitation: Invitation) -> None:
    """Write the file by which the other nodes find the driver; no other user can read it.

    Raises:
        OSError: it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.{os.getpid()}.writing")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        json.dump(asdict(invitation), handle)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(file)


def invitation(file: Path, seconds: float) -> Invitation:
    """Read the driver's invitation, once it is there.

    Raises:
        OSError: it is not there within ``seconds``.
        ValueError: it is another user's, or others can read or write it.
    """
    until = time.monotonic() + seconds
    while not file.exists():
        if time.monotonic() > until:
            raise FileNotFoundError(
                f"node {socket.gethostname()} sees no driver in {file} within {seconds:g} s; all nodes must see "
                "artifacts=FOLDER at the same path, and the driver is the first of them"
            )
        with suppress(OSError):
            os.listdir(file.parent)  # or a network file system may keep in mind that the file is not there
        time.sleep(_POLL_SECONDS)
    with file.open() as handle:
        found, text = os.fstat(handle.fileno()), handle.read()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ValueError(
            f"{file} belongs to another user or can be read by others, so that its key is no secret; "
            "choose artifacts=FOLDER on a file system that keeps owners and modes"
        )
    return Invitation(**json.loads(text))
