"""Connections that take a key, and the file that hands it out."""

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from conself.training.strategies.wire import Door, Invitation, connect, invitation, invite


def invited(door: Door) -> Invitation:
    return Invitation("127.0.0.1", door.port, door.key)


def test_whoever_has_the_key_comes_in_and_says_who_it_is() -> None:
    door = Door(0)
    theirs = connect(invited(door), {"node": 3}, 5)
    hello, ours = door.arrived.get(timeout=5)
    assert hello == {"node": 3}
    ours.send([1, "a"])
    assert theirs.recv() == [1, "a"]
    theirs.send_bytes(b"x" * 20_000)
    assert len(ours.recv_bytes()) == 20_000
    theirs.close()
    with pytest.raises(EOFError):
        ours.recv()
    door.close()


def test_a_wrong_key_garbage_and_silence_are_left_outside() -> None:
    door = Door(0)
    silent = socket.create_connection(("127.0.0.1", door.port))
    with pytest.raises(ValueError, match=r"the driver at 127\.0\.0\.1:\d+ refused node .*, has another key, or is"):
        connect(replace(invited(door), key="00" * 32), {"node": 1}, 5)
    with socket.create_connection(("127.0.0.1", door.port)) as stranger:
        stranger.sendall(b"\x00\x00\x00\x05GET /")
        stranger.shutdown(socket.SHUT_WR)
        while stranger.recv(4096):
            pass
    until = time.monotonic() + 5
    while door.refused < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert door.refused == 2
    assert door.arrived.empty()
    connect(invited(door), {"node": 1}, 5).close()
    assert door.arrived.get(timeout=5)[0] == {"node": 1}
    silent.close()
    door.close()


def test_a_door_stays_open_when_an_arrival_cannot_be_taken() -> None:
    """As when no descriptor is left for the moment."""

    class Failing:
        def __init__(self, real: socket.socket) -> None:
            self.real, self.failures = real, 0

        def accept(self) -> tuple[socket.socket, object]:
            if self.failures < 1:
                self.failures += 1
                raise OSError(24, "Too many open files")
            return self.real.accept()

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    door = Door(0)
    failing = Failing(door._socket)
    door._socket = failing  # type: ignore[assignment]
    for node in (1, 2):  # the first is taken by the call that waits already
        connect(invited(door), {"node": node}, 5).close()
        assert door.arrived.get(timeout=5)[0] == {"node": node}
    assert failing.failures == 1
    door.close()


def test_two_doors_have_two_keys_and_a_taken_port_is_told() -> None:
    door = Door(0)
    with pytest.raises(OSError, match=rf"MASTER_PORT={door.port} cannot be listened at .* choose another, or leave"):
        Door(door.port)
    other = Door(0)
    assert other.key != door.key
    assert len(bytes.fromhex(other.key)) == 32
    door.close()
    other.close()


def test_who_cannot_be_reached_is_told_with_the_address() -> None:
    door = Door(0)
    door.close()
    began = time.monotonic()
    with pytest.raises(OSError, match=rf"cannot reach the driver at 127\.0\.0\.1:{door.port} within 0\.3 s .* MASTER_"):
        connect(invited(door), {}, 0.3)
    assert time.monotonic() - began < 3


def test_an_invitation_is_for_its_user_alone(tmp_path: Path) -> None:
    file, sent = tmp_path / "store" / ".nodes-1", Invitation("alpha", 4000, "ab")
    invite(file, sent)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [".nodes-1"]
    assert invitation(file, 0) == sent
    file.chmod(0o640)
    with pytest.raises(ValueError, match=r"belongs to another user or can be read by others"):
        invitation(file, 0)
    with pytest.raises(
        FileNotFoundError, match=r"sees no driver in .* within 0 s; all nodes must see artifacts=FOLDER"
    ):
        invitation(tmp_path / "nothing", 0)
