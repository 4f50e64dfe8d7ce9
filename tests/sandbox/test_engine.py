"""The trusted side: streaming, errors, worker counts, deaths of zygotes and of the main process."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from conself.sandbox import Job, Limits, Outcome, Status, execute, isolation, kept

LIMITS = Limits(cpu_seconds=0.5, wall_seconds=5.0, memory_mb=256, output_kb=64, max_timeouts=2)


def make_jobs(count: int) -> Iterator[Job]:
    for index in range(count):
        programs = (
            f"def f(x): return x * {index}",
            f"def f(x): return 1 // (x - {index % 3})",
            None,
            "import os\ndef f(x): os._exit(x)",
            f"def f(x): return x * {index}",
        )
        yield Job(f"job{index}", programs, "f", ("(0,)", "(1,)", "(2,)"))


def test_outcomes_do_not_depend_on_the_number_of_workers() -> None:
    one = {result.job.id: result.rows for result in execute(make_jobs(12), LIMITS, 1)}
    three = {result.job.id: result.rows for result in execute(make_jobs(12), LIMITS, 3)}
    assert one == three
    assert len(one) == 12
    assert one["job5"][0] == one["job5"][4] == tuple(Outcome(Status.OK, str(5 * x)) for x in range(3))
    assert one["job5"][2] == (Outcome(Status.COMPILE_ERROR, ""),) * 3
    assert one["job5"][3] == (Outcome(Status.EXIT, ""),) * 3


def test_jobs_are_read_lazily_and_results_come_as_they_finish() -> None:
    taken: list[str] = []

    def source() -> Iterator[Job]:
        for job in make_jobs(50):
            taken.append(job.id)
            yield job

    results = execute(source(), LIMITS, 2)
    assert taken == []
    for done in range(1, 51):
        next(results)
        assert len(taken) <= done + 4
    assert next(results, None) is None


@pytest.mark.alone
def test_same_program_text_runs_once() -> None:
    slow = "import time\ndef f(x): time.sleep(0.3); return x"
    start = time.monotonic()
    (result,) = execute([Job("a", (slow,) * 20, "f", ("(1,)",))], LIMITS, 1)
    assert result.rows == [(Outcome(Status.OK, "1"),)] * 20
    assert time.monotonic() - start < 3.0


def test_jobs_without_programs_or_inputs() -> None:
    jobs = [Job("a", (), "f", ("(1,)",)), Job("b", ("def f(): 1", None), "f", ()), Job("c", (None,), None, ("", ""))]
    rows = {result.job.id: result.rows for result in execute(jobs, LIMITS, 1)}
    assert rows == {"a": [], "b": [(), ()], "c": [(Outcome(Status.COMPILE_ERROR, ""),) * 2]}


def test_large_jobs_pass_through_the_pipes() -> None:
    text = "x" * 300_000
    jobs = [Job(str(index), (f"def f(s): return s  # {text}",), "f", (f"({text!r},)",) * 3) for index in range(6)]
    limits = Limits(2.0, 10.0, 256, 1024, 2)
    for result in execute(jobs, limits, 2):
        assert result.rows == [(Outcome(Status.OK, f'"{text}"'),) * 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"programs": ("def f(x): pass", 3)}, "job 'bad': program 1 must be a str or None, not int"),
        ({"inputs": ("(1,)", 2)}, "job 'bad': input 1 must be a str, not int"),
        ({"inputs": ("(1,)", "1 +")}, "job 'bad': input 1 is not the literal of a tuple"),
        ({"inputs": ("[1]",)}, "job 'bad': input 0 is not the literal of a tuple"),
        ({"inputs": ("(__import__('os'),)",)}, "job 'bad': input 0 is not the literal of a tuple"),
        ({"entry_point": "f()"}, "job 'bad': entry_point"),
    ],
)
def test_malformed_jobs_are_named_before_anything_of_them_runs(change: dict[str, Any], message: str) -> None:
    fields = {"id": "bad", "programs": ("def f(x): pass",), "entry_point": "f", "inputs": ("(1,)",)}
    with pytest.raises(ValueError, match=f"^{message.replace('(', '[(]')}"):
        list(execute([Job(**{**fields, **change})], LIMITS, 1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cpu_seconds", 0.0),
        ("cpu_seconds", float("nan")),
        ("wall_seconds", "1"),
        ("memory_mb", 1.5),
        ("memory_mb", True),
        ("output_kb", 0),
        ("max_timeouts", 0),
    ],
)
def test_limits_out_of_range_are_refused_at_once(name: str, value: object) -> None:
    fields: dict[str, Any] = {
        "cpu_seconds": 1.0,
        "wall_seconds": 1.0,
        "memory_mb": 64,
        "output_kb": 64,
        "max_timeouts": 1,
    }
    with pytest.raises(ValueError, match=f"sandbox limit {name} is"):
        execute([], Limits(**{**fields, name: value}), 1)
    with pytest.raises(ValueError, match="sandbox workers is 0"):
        execute([], Limits(**fields), 0)


def children_of(pid: int) -> list[int]:
    """The living children of a process."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(entry.parent.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def zygotes() -> list[int]:
    return [pid for pid in children_of(os.getpid()) if b"boot.py" in command_line(pid)]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended in the meantime
        return b""


def test_a_zygote_that_dies_is_replaced_and_its_jobs_are_run_again() -> None:
    results = execute(make_jobs(30), LIMITS, 1)
    first = next(results)
    found = {first.job.id: first.rows}
    (zygote,) = zygotes()
    os.kill(zygote, signal.SIGKILL)
    found |= {result.job.id: result.rows for result in results}
    assert found == {result.job.id: result.rows for result in execute(make_jobs(30), LIMITS, 1)}


def test_a_zygote_that_dies_twice_on_a_job_is_an_error() -> None:
    sleepy = Job("sleepy", ("import time\ndef f(x): time.sleep(4)",), "f", ("(1,)",))
    results = execute([Job("first", ("def f(x): pass",), "f", ("(1,)",)), sleepy], LIMITS, 1)
    next(results)
    killed: list[int] = []

    def kill_twice() -> None:
        while len(killed) < 2:
            runners = {zygote: children_of(zygote) for zygote in zygotes() if zygote not in killed}
            time.sleep(1.0)
            for zygote, children in runners.items():
                if children and children_of(zygote) == children:  # a program is at work, not a probe of the walls
                    killed.append(zygote)
                    os.kill(zygote, signal.SIGKILL)

    killer = threading.Thread(target=kill_twice, daemon=True)
    killer.start()
    with pytest.raises(RuntimeError, match="worker died twice on job 'sleepy'"):
        next(results)
    killer.join()
    assert zygotes() == []


def test_closing_the_iterator_ends_all_processes() -> None:
    results = execute(make_jobs(30), LIMITS, 2)
    next(results)
    assert len(zygotes()) == 2
    results.close()  # type: ignore[attr-defined]
    assert zygotes() == []


def test_killing_the_main_process_leaves_no_child_behind() -> None:
    script = (
        "from conself.sandbox import *\n"
        "job = Job('a', ('import time\\ndef f(x):\\n while time.sleep(60) is None: pass',), 'f', ('(1,)',))\n"
        "print('ready', flush=True)\n"
        "list(execute([job, job], Limits(50.0, 500.0, 256, 64, 2), 2))\n"
    )
    main = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert main.stdout is not None
    main.stdout.readline()
    deadline = time.monotonic() + 10
    family: list[int] = []
    while len(family) < 4 and time.monotonic() < deadline:  # two zygotes, two runners
        time.sleep(0.05)
        family = children_of(main.pid)
        family += [runner for zygote in family for runner in children_of(zygote)]
    assert len(family) == 4
    main.kill()
    main.wait()
    main.stdout.close()
    while any(is_alive(pid) for pid in family) and time.monotonic() < deadline + 5:
        time.sleep(0.05)
    assert not [pid for pid in family if is_alive(pid)]


def test_isolation_is_reported_in_one_line() -> None:
    report = isolation()
    assert "\n" not in report
    for layer in ("no_new_privs", "rlimits", "seccomp", "landlock", "namespaces"):
        assert layer in report


def test_a_kept_sandbox_gives_what_one_for_each_call_gives_and_ends_with_its_block() -> None:
    """Jobs of several calls, one without programs, by the same processes."""
    calls = [
        [
            Job("a", ("def f(x): return x + 1", None), "f", ("(1,)",)),
            Job("b", ("def f(x): return 1 / x",), "f", ("(0,)",)),
        ],
        [Job("a", ("def f(x): return 2 * x",), "f", ("(1,)", "(2,)"))],
    ]
    own = psutil.Process()
    before = set(own.children(recursive=True))
    with kept(LIMITS, 1) as run:
        found, used = [], []
        for jobs in calls:
            found.append({result.job.id: result.rows for result in run(jobs)})
            used.append(set(own.children()) - before)
    assert found == [{result.job.id: result.rows for result in execute(jobs, LIMITS, workers=1)} for jobs in calls]
    assert used[0] == used[1] != set()
    assert not [process for process in used[0] if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
