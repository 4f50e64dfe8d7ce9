"""Locks that are held by real processes: who waits is told for whom."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conself.runtime import progress
from conself.runtime.locks import locked

HOLD = """
import sys
from pathlib import Path
from conself.runtime.locks import locked
with locked(Path(sys.argv[1]), "sample"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path: Path) -> Callable[[], "subprocess.Popen[str]"]:
    """Starts a process that has the lock until its standard input ends."""

    def start() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path / ".k.lock")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    return start


def test_who_waits_hears_of_the_owner_again_and_again(
    tmp_path: Path,
    hold: Callable[[], "subprocess.Popen[str]"],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    owner, heard = hold(), []
    monkeypatch.setattr(progress, "SECONDS", 0.05)

    def complain(text: str) -> None:
        heard.append(text)
        if len(heard) == 3 and owner.stdin is not None:
            owner.stdin.close()

    monkeypatch.setattr("conself.runtime.locks._complain", complain)
    with locked(tmp_path / ".k.lock", "sample 0123"):
        assert owner.wait() == 0
        mine = (tmp_path / ".k.owner").read_text()
    assert len(heard) >= 3
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d"
    host = re.escape(socket.gethostname())
    shape = rf"waiting for sample 0123: process {owner.pid} on {host} \(since {when}\) is at it \(.*/\.k\.lock\)"
    assert re.fullmatch(shape, heard[0])
    assert f'"pid": {os.getpid()}' in mine
    assert not (tmp_path / ".k.owner").exists()
    assert capsys.readouterr().out == ""


def test_an_owner_that_was_killed_is_named_and_nobody_waits(
    tmp_path: Path, hold: Callable[[], "subprocess.Popen[str]"], capfd: pytest.CaptureFixture[str]
) -> None:
    owner = hold()
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    with locked(tmp_path / ".k.lock", "sample 0123"):
        pass
    told = capfd.readouterr().err
    assert told.startswith(f"sample 0123: process {owner.pid} on {socket.gethostname()} (since ")
    assert told.endswith(") ended before it was done; continuing from the parts that it finished\n")
    with locked(tmp_path / ".k.lock", "sample 0123"):
        pass
    assert capfd.readouterr().err == "", "it is told once"


def test_a_lock_that_outlives_its_owner_is_told_with_a_remedy(
    tmp_path: Path, hold: Callable[[], "subprocess.Popen[str]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the owner's child still has the file open: here another process has the lock, and the note is old."""
    owner, heard = hold(), []
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    note = tmp_path / ".k.owner"
    note.write_text(f'{{"pid": {gone.pid}, "host": "{socket.gethostname()}", "since": "yesterday"}}')

    def complain(text: str) -> None:
        heard.append(text)
        if owner.stdin is not None:
            owner.stdin.close()

    monkeypatch.setattr("conself.runtime.locks._complain", complain)
    with locked(tmp_path / ".k.lock", "sample 0123"):
        owner.wait()
    assert heard[0].startswith(f"waiting for sample 0123: process {gone.pid} on ")
    assert "is gone, and the lock is still held" in heard[0]
    assert f"remove {tmp_path / '.k.lock'}" in heard[0]


@pytest.mark.parametrize("note", ["", "{", "[]", '{"pid": 1}', None])
def test_a_note_that_cannot_be_read_keeps_nobody_out(tmp_path: Path, note: str | None) -> None:
    if note is not None:
        (tmp_path / ".k.owner").write_text(note)
    with locked(tmp_path / ".k.lock", "sample 0123"):
        pass
