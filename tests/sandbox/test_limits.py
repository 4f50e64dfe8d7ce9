"""What counts against a program and what does not; floods; slow consumers; threads of the trusted process."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conself.sandbox import IsolationError, Job, Limits, Outcome, Status, execute, worker
from conself.sandbox.jobs import arguments

Run = Callable[..., list[tuple[Outcome, ...]]]
OK = Status.OK


def statuses(row: tuple[Outcome, ...]) -> list[Status]:
    return [outcome.status for outcome in row]


def test_results_so_far_take_nothing_from_a_programs_memory(run: Run) -> None:
    (row,) = run(["def f(n): return 'a' * 1_000_000"], ["(1,)"] * 24, memory_mb=16, output_kb=1024)
    assert statuses(row) == [OK] * 24
    (row,) = run(["print('a' * 1_000_000)"], [""] * 24, entry_point=None, memory_mb=16, output_kb=1024)
    assert statuses(row) == [OK] * 24


def test_the_values_of_a_program_have_a_limit_together(run: Run) -> None:
    rows = run(["def f(n): return 'a' * 60_000", "def f(n): return n"], ["(1,)"] * 40, output_kb=64)
    count = 32 * 64 * 1024 // 60_002
    assert statuses(rows[0]) == [OK] * count + [Status.OUTPUT_LIMIT] * (40 - count)
    assert statuses(rows[1]) == [OK] * 40


def test_arguments_cost_the_program_no_time(run: Run) -> None:
    large = repr(({n: n for n in range(80_000)}, {1, 2}, "{"))  # a set keeps it a literal, which is slow to parse
    programs = ["def f(*x): return len(x)", "import gc\ndef f(*x): return len(x)"]
    busy = "import time\ndef f(*x):\n while time.process_time() % 1 and len(x) == 1 and burn(): pass\n return len(x)\n"
    busy += "def burn():\n for _ in range(10**6): pass\n return False"
    rows = run([*programs, busy], ["(1,)", large], cpu_seconds=0.25, memory_mb=1024)
    assert rows == [(Outcome(OK, "1"), Outcome(OK, "3"))] * 3


def test_a_large_table_of_the_module_does_not_end_it(run: Run) -> None:
    table = "T = [0.5 * i for i in range(1_000_000)]\ndef f(x): return T[x]"
    rows = run([table, "import signal\n" + table], ["(2,)", "(4,)"], cpu_seconds=2.0, memory_mb=56)
    assert rows == [(Outcome(OK, '{"f":"1.0"}'), Outcome(OK, '{"f":"2.0"}'))] * 2


def test_forty_threads_fit(run: Run) -> None:
    program = (
        "import threading\ngo = threading.Event()\nthreads = [threading.Thread(target=go.wait) for _ in range(40)]\n"
        "for t in threads: t.start()\nprint(threading.active_count())\ngo.set()"
    )
    (row,) = run([program], ["", ""], entry_point=None, memory_mb=512)
    assert row == (Outcome(OK, '"41\\n"'),) * 2


def test_long_standard_input_keeps_the_fast_path() -> None:
    job = Job("j", ("import sys\nprint(len(sys.stdin.read()))",), None, ("x" * 300_000, "y"))
    (result,) = execute([job], Limits(1.0, 5.0, 256, 64, 1, audit=0.0), 1)
    assert [outcome.value for outcome in result.rows[0]] == ['"300000\\n"', '"1\\n"']
    assert not result.notes[0].exact


def test_a_slow_consumer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_GRACE_SECONDS", 0.0)
    big = Job("big", tuple(f"def f(x): return {n}  # {'x' * 400_000}" for n in range(12)), "f", ("(1,)",))
    small = [Job(str(n), ("def f(x): return x",), "f", ("(1,)",)) for n in range(3)]
    limits = Limits(cpu_seconds=0.1, wall_seconds=0.1, memory_mb=256, output_kb=4, max_timeouts=1, audit=0.0)
    done = []
    for result in execute([*small, big], limits, 2):
        time.sleep(1.5)
        done.append(result.job.id)
    assert sorted(done) == ["0", "1", "2", "big"]


def test_a_refusal_is_told_however_late_the_jobs_come() -> None:
    def jobs() -> Iterator[Job]:
        for n in range(4):
            time.sleep(0.4)
            yield Job(str(n), ("def f(x): return x",), "f", ("(1,)",))

    with pytest.raises(IsolationError, match=r"sandbox\.require=strong"):
        list(execute(jobs(), Limits(1.0, 1.0, 64, 64, 1, require="strong"), 2, without={"seccomp"}))


def test_threads_that_check_inputs_leave_the_limit_of_digits_alone() -> None:
    before = sys.get_int_max_str_digits()
    threads = [threading.Thread(target=lambda: [arguments("(1,)") for _ in range(3000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.get_int_max_str_digits() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"programs": "def f(x): pass"}, "must be tuples of texts"),
        ({"inputs": "(1,)"}, "must be tuples of texts"),
    ],
)
def test_one_text_is_not_a_tuple_of_texts(change: dict[str, Any], message: str) -> None:
    fields = {"id": "j", "programs": ("def f(x): pass",), "entry_point": "f", "inputs": ("(1,)",)}
    with pytest.raises(ValueError, match=message):
        execute([Job(**{**fields, **change})], Limits(1.0, 1.0, 64, 64, 1), 1)
