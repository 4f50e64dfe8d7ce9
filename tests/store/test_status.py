"""The status of a store, while real processes make, wait for, fail at and die over its artifacts."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from conself.executors.tally import Share, Tally
from conself.status import command
from conself.store.artifacts import Stage, artifact_key
from conself.store.status import Making, StoreStatus, status_of

MAKE = """
import sys
from pathlib import Path
from conself.store.artifacts import Stage, build

def make(folder):
    (folder / "candidates-0000000-50.parquet").write_bytes(b"a table")
    (folder / "candidates-0000050-50.000.journal").write_text("{}\\n{}\\n")
    print("making", flush=True)
    if sys.stdin.read() == "fail":
        raise ValueError("too hot\\nfor comfort")
    return {}

build(Path(sys.argv[1]), Stage("sample", 1), {"seed": 0}, {}, make)
"""
KEY = artifact_key(Stage("sample", 1), {"seed": 0}, {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def maker(root: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that is at the artifact until its standard input ends."""
    process = start(root)
    assert process.stdout is not None
    assert process.stdout.readline() == "making\n"
    yield process
    process.kill()
    process.wait()


def start(root: Path) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", MAKE, str(root)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def only(root: Path) -> Making:
    (made,) = status_of(root).making
    assert (made.stage, made.key) == ("sample", KEY)
    return made


def test_who_is_at_it_and_how_far(root: Path, maker: "subprocess.Popen[str]") -> None:
    made = only(root)
    assert made.state == "running"
    assert made.owner is not None
    assert made.owner.pid == maker.pid
    assert made.done == "1 table, 2 lines"
    assert made.changed is not None
    assert abs(time.time() - made.changed) < 60
    maker.communicate("")
    assert status_of(root) == StoreStatus({"sample": 1}, ())


def test_who_waits(root: Path, maker: "subprocess.Popen[str]") -> None:
    other = start(root)
    deadline = time.monotonic() + 60
    while not (waiting := only(root).waiting):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [owner.pid for owner in waiting] == [other.pid]
    other.kill()
    other.wait()
    assert only(root).waiting == (), "who was killed waits no more, though its note is still there"
    assert list(root.glob("sample/.*.waiting"))
    other = start(root)
    maker.communicate("")
    assert other.wait(timeout=60) == 0
    assert status_of(root) == StoreStatus({"sample": 1}, ())
    assert len(list(root.glob("sample/.*.waiting"))) == 1, "that of the killed one"


def test_who_was_killed(root: Path, maker: "subprocess.Popen[str]") -> None:
    os.kill(maker.pid, signal.SIGKILL)
    maker.wait()
    made = only(root)
    assert made.state == "killed"
    assert made.owner is not None
    assert made.owner.pid == maker.pid


def test_what_failed_and_why_until_the_next_try(root: Path, maker: "subprocess.Popen[str]") -> None:
    maker.communicate("fail")
    made = only(root)
    assert (made.state, made.error) == ("failed", "ValueError: too hot\nfor comfort")
    assert made.owner is not None
    assert made.owner.pid == maker.pid
    again = start(root)
    assert again.stdout is not None
    again.stdout.readline()
    assert only(root).state == "running"
    again.communicate("")
    assert status_of(root).finished == {"sample": 1}
    assert not list(root.glob("sample/.*.failed"))


def test_what_somebody_stopped(root: Path, maker: "subprocess.Popen[str]") -> None:
    maker.send_signal(signal.SIGINT)
    maker.wait()
    assert only(root).state == "stopped"


def test_nothing_is_written(root: Path, maker: "subprocess.Popen[str]") -> None:
    os.kill(maker.pid, signal.SIGKILL)
    maker.wait()
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert only(root).state == "killed"
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_the_newest_checkpoint_is_named(root: Path) -> None:
    partial = root / "fit" / f".{KEY}.partial" / "checkpoints"
    partial.mkdir(parents=True)
    (root / "fit" / f".{KEY}.lock").touch()
    for step in (8, 40):
        (partial / f"step-{step}.safetensors").touch()
    (made,) = status_of(root).making
    assert (made.state, made.done) == ("stopped", "checkpoint of step 40")


def test_machines_are_told_while_they_work_and_after_a_kill(root: Path, maker: "subprocess.Popen[str]") -> None:
    tally = Tally("engines", 8, 0, (Share("alpha", 2, 3, 1), Share("beta", 1, 0, 1)))
    file = root / "sample" / f".{KEY}.engines.machines"
    file.write_text(json.dumps(asdict(tally)))
    file.with_name(f".{KEY}.light.machines").write_text('{"label": "li')
    line = "3/8 tasks done, 3 actors on 2 machines: alpha (2 actors) 3 done, 1 under way; "
    line += "beta (1 actor) 0 done, 1 under way"
    for state in ("running", "killed"):
        made = only(root)
        assert made.state == state
        assert [each for each, _ in made.machines] == [tally]
        (told,) = [text for text in shown(root) if text.startswith(f"sample {KEY[:12]}, 0:00:")]
        assert told.endswith(f" ago: engines: {line}")
        maker.kill()
        maker.wait()
    again = start(root)
    again.communicate("")
    assert not list(root.glob("sample/.*.machines")), "of those who are no more"


def shown(root: Path) -> list[str]:
    text = StringIO()
    console = Console(file=text, width=400)
    command.show(console, root, status_of(root), time.time())
    return text.getvalue().splitlines()


def test_the_command_tells_it(root: Path, maker: "subprocess.Popen[str]") -> None:
    (row,) = [line for line in shown(root) if "running" in line]
    for word in ("sample", KEY[:12], f"process {maker.pid} on ", "1 table, 2 lines", " ago"):
        assert word in row
    maker.communicate("fail")
    assert f"sample {KEY[:12]} failed: ValueError: too hot" in shown(root)
    assert shown(root)[-1] == "finished: nothing"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["store"], "error: 'store' is not artifacts=DIR; usage: conself status [artifacts=DIR]"),
        (["artifacts=a", "artifacts=b"], "error: 'artifacts=a artifacts=b' is not artifacts=DIR"),
        (["artifacts=no_such"], "error: artifacts=no_such is no folder; jobs leave their store where artifacts= says"),
    ],
)
def test_wrong_words_are_one_line(
    words: list[str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["conself status", *words])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(line)
    assert len(said.err.splitlines()) == 1
