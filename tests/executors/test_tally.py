"""What is told of each machine while it works, in lines and in a file."""

import json
import sys
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conself.executors import tally
from conself.executors.actor import About, Batch
from conself.executors.assignment import Board, Seat
from conself.executors.cluster import Node
from conself.executors.crew import Kind, Member
from conself.executors.dispatch import Dispatch
from conself.executors.tally import Bulletin, Share, Tally, read_tally
from conself.runtime.locks import innermost_lock, locked

HOSTS = {"n1": "alpha", "n2": "beta", "n3": "gamma"}
SEATS = [Seat("a", "n1"), Seat("b", "n1"), Seat("c", "n2")]
BOARD = Board(waiting=(5, 6), running={"a": 3, "c": 4}, lost=(7,))


def counted(board: Board = BOARD) -> Tally:
    return Tally.of("engines", 8, board, SEATS, Counter({"n1": 2, "n3": 1}), HOSTS)


def test_tasks_are_counted_by_machine_also_where_all_actors_are_gone() -> None:
    made = counted()
    assert made.machines == (Share("alpha", 2, 2, 1), Share("beta", 1, 0, 1), Share("gamma", 0, 1, 0))
    assert str(made) == (
        "engines: 3/8 tasks done, 1 lost, 3 actors on 3 machines: alpha (2 actors) 2 done, 1 under way; "
        "beta (1 actor) 0 done, 1 under way; gamma (0 actors) 1 done, 0 under way"
    )
    none = Tally.of("light", 1200, Board(tuple(range(1200))), [], Counter(), {})
    assert str(none) == "light: 0/1,200 tasks done, 0 actors on 0 machines: none has started yet"


def test_two_machines_of_one_name_are_two() -> None:
    twins = Tally.of("light", 2, Board((0, 1)), [Seat("a", "n1"), Seat("b", "n2")], Counter(), {"n1": "x", "n2": "x"})
    assert [share.host for share in twins.machines] == ["x", "x"]


def test_the_file_lies_beside_the_innermost_lock_until_the_tasks_are_over(tmp_path: Path) -> None:
    assert innermost_lock() is None
    with locked(tmp_path / ".outer.lock", "outer"), locked(tmp_path / ".ab.lock", "inner"):
        assert innermost_lock() == tmp_path / ".ab.lock"
        bulletin, file = Bulletin("engines"), tmp_path / ".ab.engines.machines"
        assert bulletin.is_due()
        bulletin.show(counted())
        assert read_tally(file) == counted()
        assert not bulletin.is_due()
        bulletin.show(Tally("engines", 1, 0, ()))
        assert read_tally(file) == counted(), "not before 5 s"
        bulletin.close()
    assert not file.exists()
    assert innermost_lock() is None
    file.write_text('{"label": "engines", "tas')
    assert read_tally(file) is None
    assert read_tally(tmp_path / "nothing") is None


def test_a_line_comes_every_twenty_seconds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = 100.0
    monkeypatch.setattr(tally, "time", SimpleNamespace(monotonic=lambda: now))
    bulletin, lines = Bulletin("engines"), []
    for now in range(100, 161):
        if bulletin.is_due():
            bulletin.show(counted())
        lines += [now] if capsys.readouterr().err.startswith("engines: 3/8 tasks done") else []
    assert lines == [120, 140, 160]
    bulletin.close()


def test_a_full_disk_stops_nobody(tmp_path: Path) -> None:
    with locked(tmp_path / ".ab.lock", "work"):
        bulletin = Bulletin("light")
        (tmp_path / ".ab.light.machines").mkdir()
        bulletin.show(counted())
        bulletin.close()


def test_the_file_is_json_for_whoever_wants_it(tmp_path: Path) -> None:
    with locked(tmp_path / ".ab.lock", "work"):
        Bulletin("light").show(counted())
    row = json.loads((tmp_path / ".ab.light.machines").read_text())
    assert row["machines"][0] == {"host": "alpha", "actors": 2, "done": 2, "held": 1}


@dataclass(frozen=True, eq=False)
class Answer:
    """What Ray gives for a call, here with the value in it."""

    value: Any


def member(name: str, machine: str) -> Member:
    """An actor that has done a task as soon as it is given it."""
    actor = SimpleNamespace(
        begin=SimpleNamespace(remote=lambda _turn, _function, task, _cargo: Answer(Batch(task, True, None))),
        more=SimpleNamespace(remote=lambda _turn: Answer(Batch((), False, None))),
        end=SimpleNamespace(remote=lambda: None),
    )
    node = Node(machine, HOSTS[machine], 2, 0)
    return Member(Seat(name, machine), node, actor, deque([(Answer(About(HOSTS[machine], 1, "")), 0)]))


def test_a_crew_tells_what_its_machines_have_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = {"RayError": type("RayError", (Exception,), {}), "RayTaskError": type("RayTaskError", (Exception,), {})}
    waiting = SimpleNamespace(wait=lambda refs, **_: (refs, []), get=lambda ref: ref.value)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(exceptions=SimpleNamespace(**errors), **vars(waiting)))
    monkeypatch.setattr("conself.executors.dispatch.__version__", "")
    monkeypatch.setattr(tally, "SECONDS", 0.0)
    monkeypatch.setattr(tally, "_FILE_SECONDS", 0.0)
    members = [member("a", "n1"), member("b", "n1"), member("c", "n2")]
    kind = Kind("engines", 1, 0, 3, False, 3, lambda nodes: list(nodes))
    crew: Any = SimpleNamespace(kind=kind, members=members, refused={}, fill=lambda **_: None)
    with locked(tmp_path / ".ab.lock", "work"):
        dispatch = Dispatch(crew, lambda number: [number], [(number,) for number in range(6)])
        items = []
        for item in dispatch.items(lambda: False):
            items.append(item)
            shown = read_tally(tmp_path / ".ab.engines.machines")
            assert shown is not None
        dispatch.close()
    assert sorted(items) == list(range(6))
    assert not list(tmp_path.glob("*.machines"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "engines: 0/6 tasks done, 0 actors on 0 machines: none has started yet"
    assert "engines: 3/6 tasks done, 3 actors on 2 machines: alpha (2 actors) 2 done, 2 under way; beta" in lines[2]
