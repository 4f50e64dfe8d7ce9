"""Worker processes: results, errors, warmth, and no orphan when the parent is killed."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import psutil
import pytest

from conself.executors import executor as module
from conself.executors import local
from conself.executors.executor import HereFirst, worker_index
from conself.executors.local import LocalExecutor


def square(n: int) -> Iterator[tuple[int, int]]:
    if n == 13:
        raise ValueError("unlucky")
    yield n * n, os.getpid()


def threads(_n: int) -> Iterator[int]:
    import torch  # here: every worker imports this module

    yield torch.get_num_threads()


def test_results_of_all_tasks_from_warm_single_threaded_processes() -> None:
    with LocalExecutor(2) as workers:
        first = list(workers.run(square, [(n,) for n in range(6)]))
        second = list(workers.run(square, [(n,) for n in range(6)]))
        counted = list(workers.run(threads, [(0,), (1,)]))
    assert sorted(value for value, _ in first) == [0, 1, 4, 9, 16, 25]
    pids = {pid for _, pid in first + second}
    assert os.getpid() not in pids
    assert len(pids) <= 2
    assert counted == [1, 1]
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_an_error_in_a_task_is_raised_and_the_workers_go_on() -> None:
    with LocalExecutor(1) as workers:
        with pytest.raises(ValueError, match="unlucky"):
            list(workers.run(square, [(13,), (2,)]))
        assert [value for value, _ in workers.run(square, [(3,)])] == [9]


def test_release_gives_the_processes_back() -> None:
    with LocalExecutor(1) as workers:
        ((_, pid),) = workers.run(square, [(1,)])
        workers.release()
        assert not psutil.pid_exists(pid)
        ((value, _),) = workers.run(square, [(2,)])
    assert value == 4


def slowly(path: str) -> Iterator[int]:
    for n in range(3):
        yield n
        while n == 1 and not Path(path).exists():
            time.sleep(0.01)


def test_what_a_task_yields_arrives_while_it_runs(tmp_path: Path) -> None:
    with LocalExecutor(1) as workers:
        stream = workers.run(slowly, [(str(tmp_path / "go"),)])
        assert [next(stream), next(stream)] == [0, 1], "the task waits for this process"
        (tmp_path / "go").touch()
        assert list(stream) == [2]


def early(n: int) -> Iterator[int]:
    yield n
    raise ValueError("too late")


def test_what_came_before_an_error_is_not_taken_for_the_next_runs() -> None:
    with LocalExecutor(1) as workers:
        with pytest.raises(ValueError, match="too late"):
            list(workers.run(early, [(7,), (8,)]))
        assert [value for value, _ in workers.run(square, [(3,)])] == [9]


def index(pause: float) -> Iterator[tuple[int, int]]:
    time.sleep(pause)
    yield worker_index(), os.getpid()


def test_another_number_of_workers_lives_beside_and_each_knows_its_place() -> None:
    with LocalExecutor(1) as workers:
        assert workers.sized(1) is workers
        assert [place for place, _ in workers.run(index, [(0.0,)])] == [0]
        assert list(workers.sized(1, 2).run(threads, [(0,)])) == [2]
        pair = workers.sized(2)
        assert workers.sized(2) is pair
        found = list(pair.run(index, [(0.3,), (0.3,), (0.3,), (0.3,)]))
        assert {place for place, _ in found} == {0, 1}
        workers.release_others()
        assert not any(psutil.pid_exists(pid) for _, pid in found)
        assert workers.sized(2) is not pair
    assert worker_index() == 0


def loaded(module: str) -> Iterator[bool]:
    yield module in sys.modules


def test_warm_workers_have_imported_before_they_are_asked() -> None:
    with LocalExecutor(1) as workers:
        workers.warm(["wave", "sunau"])  # modules that nothing else imports
        assert list(workers.run(loaded, [("wave",), ("sunau",)])) == [True, True]


def test_light_work_stays_here_as_long_as_it_is_little(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalExecutor(1) as workers:
        here = [pid for _, pid in HereFirst(workers).run(square, [(n,) for n in range(3)])]
        assert here == [os.getpid()] * 3
        monkeypatch.setattr(module, "_HERE_SECONDS", 0.0)
        there = list(HereFirst(workers).run(square, [(n,) for n in range(3)]))
        assert [value for value, _ in there] == [0, 1, 4]
        assert os.getpid() not in {pid for _, pid in there}
        assert list(HereFirst(workers).run(square, [])) == []


def test_no_workers_and_no_threads_are_errors() -> None:
    with pytest.raises(ValueError, match=r"executor\.workers must be at least 1, got 0"):
        LocalExecutor(0)
    with pytest.raises(ValueError, match=r"executor\.threads must be at least 1, got 0"):
        LocalExecutor(2, 0)


def test_workers_die_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, time
            from conself.executors.local import LocalExecutor

            def hold(path):
                open(path, "w").write(str(os.getpid()))
                time.sleep(60)
                yield None

            if __name__ == "__main__":
                with LocalExecutor(1) as workers:
                    list(workers.run(hold, [("pid",)]))
            """
        )
    )
    job = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child = int((tmp_path / "pid").read_text())
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    while psutil.pid_exists(child) and psutil.Process(child).status() != "zombie":
        assert time.monotonic() < deadline, "the worker outlived its parent"
        time.sleep(0.05)


def counting(folder: str, last: int) -> Iterator[int]:
    for n in range(last):
        Path(folder, str(n)).touch()
        yield n
        time.sleep(0.05)


def test_a_task_ends_at_its_next_item_when_nobody_wants_more(tmp_path: Path) -> None:
    with LocalExecutor(1) as workers:
        stream = workers.run(counting, [(str(tmp_path), 200), (str(tmp_path), 300)])
        assert next(stream) == 0
        stream.close()
        seen = len(list(tmp_path.iterdir()))
        assert seen < 150, "the task went on to its end"
        assert [value for value, _ in workers.run(square, [(3,)])] == [9]
        assert len(list(tmp_path.iterdir())) == seen


def hold(folder: str, how: str) -> Iterator[int]:
    Path(folder, str(os.getpid())).touch()
    yield 0
    assert local._stopped is not None
    with local._stopped._cond if how == "with the lock of the event" else nullcontext():  # type: ignore[attr-defined]
        time.sleep(300)
    yield 1


@pytest.mark.parametrize("how", ["asleep", "with the lock of the event"])
def test_ctrl_c_does_not_wait_for_what_is_under_way(tmp_path: Path, how: str) -> None:
    """The second item would take five minutes."""
    with LocalExecutor(1) as workers:
        stream = workers.run(hold, [(str(tmp_path), how), (str(tmp_path), how)])
        assert next(stream) == 0
        threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            next(stream)
        assert time.monotonic() - start < 60
        (held,) = (int(path.name) for path in tmp_path.iterdir())
        assert not psutil.pid_exists(held)
        assert [value for value, _ in workers.run(square, [(3,)])] == [9], "the next run has new processes"


def interrupted(items: Iterator[int]) -> None:
    with closing(items) as stream:  # type: ignore[type-var]  # a generator
        for _ in stream:
            raise KeyboardInterrupt


def test_ctrl_c_in_who_reads_the_items_does_not_wait_either(tmp_path: Path) -> None:
    with LocalExecutor(1) as workers:
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            interrupted(workers.run(hold, [(str(tmp_path), "asleep")]))
        assert time.monotonic() - start < 60


def fail_or_hold(folder: str, how: str) -> Iterator[int]:
    if how == "fail":
        while not any(Path(folder).iterdir()):  # until the other holds
            time.sleep(0.01)
        Path(folder).with_suffix(".failed").touch()
        raise ValueError("unlucky")
    yield from hold(folder, how)


def test_ctrl_c_does_not_wait_for_others_of_a_task_that_failed(tmp_path: Path) -> None:
    folder = tmp_path / "pids"
    folder.mkdir()

    def interrupt() -> None:
        while not folder.with_suffix(".failed").exists():
            time.sleep(0.05)
        time.sleep(0.5)  # until this process waits for the other task
        os.kill(os.getpid(), signal.SIGINT)

    with LocalExecutor(3) as workers:
        two = workers.sized(2)  # as samplers have them
        threading.Thread(target=interrupt, daemon=True).start()
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            list(two.run(fail_or_hold, [(str(folder), "hold"), (str(folder), "fail")]))
        assert time.monotonic() - start < 60
    (held,) = (int(path.name) for path in folder.iterdir())
    assert not psutil.pid_exists(held)


def flood(_n: int) -> Iterator[bytes]:
    for _ in range(8):
        yield bytes(50_000)


def test_items_beyond_what_a_pipe_holds_do_not_hold_up_the_end() -> None:
    with LocalExecutor(2) as workers:
        stream = workers.run(flood, [(n,) for n in range(4)])
        next(stream)
        stream.close()
        left = workers.run(flood, [(0,)])
        next(left)
        time.sleep(0.3)  # the pipe is full, and the generator is never finished


def test_a_worker_killed_at_rest_is_told_and_replaced() -> None:
    with LocalExecutor(1) as workers:
        ((_, pid),) = workers.run(square, [(1,)])
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
        with pytest.raises(ChildProcessError, match="run the same command again"):
            list(workers.run(square, [(2,)]))
        assert [value for value, _ in workers.run(square, [(3,)])] == [9]


def stalling(folder: str, n: int) -> Iterator[int]:
    yield n
    if n:
        Path(folder, str(os.getpid())).touch()
        time.sleep(300)
        yield -n


def test_what_still_runs_when_time_is_over_is_killed_and_the_next_run_has_others(tmp_path: Path) -> None:
    """Of four tasks two stall; all that arrived before is there, and whoever stalled is gone."""
    with LocalExecutor(2) as workers:
        start = time.monotonic()
        over = [(str(tmp_path), n) for n in (0, 1, 2, 0)]
        found = list(workers.run_until(stalling, over, lambda: len(list(tmp_path.iterdir())) == 2))
        assert time.monotonic() - start < 60
        assert sorted(found) == [0, 1, 2]
        assert not any(psutil.pid_exists(int(path.name)) for path in tmp_path.iterdir())
        assert [value for value, _ in workers.run(square, [(3,)])] == [9]
