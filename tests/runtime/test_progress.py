"""How far a job is, as whoever reads its log sees it."""

import io
import time

import pytest
from rich.console import Console

from conself.runtime import progress
from conself.runtime.progress import Meter, repeated, working
from conself.sandbox.terminal import every


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS", 0.05)


@pytest.fixture
def pipe() -> Console:
    return Console(file=io.StringIO(), width=80)


def lines(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def until(console: Console, count: int) -> list[str]:
    """The lines, once there are so many; waits at most ten seconds for them."""
    deadline = time.monotonic() + 10
    while len(lines(console)) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    return lines(console)


def test_one_long_task_is_heard_of_before_it_is_done(pipe: Console) -> None:
    with Meter(pipe, "sampling", 50, "problems", "tok"):
        until(pipe, 3)
    told = lines(pipe)
    assert told[0] == "sampling: 0/50 problems, none done yet, 0:00:00 so far"
    assert len(told) >= 3
    assert all(line.startswith("sampling: 0/50 problems, none done yet, ") for line in told)


def test_where_nothing_was_done_there_is_no_last_line(pipe: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS", 60.0)
    with Meter(pipe, "sampling", 50, "problems", "tok"):
        pass
    assert lines(pipe) == []


def test_a_line_has_count_rate_and_time_left(pipe: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("conself.runtime.progress.time.monotonic", lambda: now)
    monkeypatch.setattr(progress, "SECONDS", 60.0)
    with Meter(pipe, "executing", 1000, "problems", "exec") as meter:
        meter.skip(900)  # they were there: 80 are left, at 2 per second
        now = 110.0
        meter.add(20, 300)
    assert lines(pipe) == ["executing: 920/1,000 problems, 30 exec/s, 0:00:10 so far, 0:00:40 left"]


def test_the_innermost_has_the_word(pipe: Console) -> None:
    with working(pipe, "train"), working(pipe, "evaluate"):
        with Meter(pipe, "answering", 5, "problems", "tok"):
            first = until(pipe, 2)
        count = len(lines(pipe))
        later = until(pipe, count + 2)[count:]
    assert all(line.startswith("answering: 0/5") for line in first)
    assert all(line.startswith("evaluate: 0:00:0") for line in later[1:])
    assert not progress._under_way


def test_nothing_is_said_once_the_work_has_ended_or_failed(pipe: Console) -> None:
    def work() -> None:
        with working(pipe, "train"):
            until(pipe, 1)
            raise ValueError("cut")

    with pytest.raises(ValueError, match="cut"):
        work()
    before = lines(pipe)
    time.sleep(0.2)
    assert lines(pipe) == before


def test_items_count_when_they_are_done(pipe: Console) -> None:
    seen = []
    with Meter(pipe, "voting", 3, "problems", "problems") as meter:
        for item in meter.each("abc"):
            seen.append((item, meter.text().split()[1]))
    assert seen == [("a", "0/3"), ("b", "1/3"), ("c", "2/3")]
    assert lines(pipe)[-1].startswith("voting: 3/3 problems")


def test_a_terminal_has_its_bar_and_no_lines() -> None:
    terminal = Console(file=io.StringIO(), width=120, force_terminal=True)
    with Meter(terminal, "sampling", 50, "problems", "tok") as meter, repeated(lambda: None):
        meter.add(25, 1000)
    shown = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert "━" in shown
    assert "25/50" in shown
    assert "so far" not in shown


def test_the_thread_goes_with_the_block() -> None:
    calls: list[int] = []
    with every(0.01, lambda: calls.append(1)):
        deadline = time.monotonic() + 10
        while len(calls) < 3 and time.monotonic() < deadline:
            time.sleep(0.005)
    count = len(calls)
    time.sleep(0.05)
    assert 3 <= count == len(calls)
