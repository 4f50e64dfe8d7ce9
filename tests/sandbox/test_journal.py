"""Finished jobs on disk: what is written comes back exactly, after a kill too, and only to the job that it is of."""

import errno
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conself.sandbox import Audit, Job, Limits, Note, Outcome, Result, Status, execute, journal
from conself.sandbox.journal import Journal, read, resume

LIMITS = Limits(cpu_seconds=0.5, wall_seconds=5.0, memory_mb=256, output_kb=64, max_timeouts=2, audit=0.0)
TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
OUTCOMES = st.builds(Outcome, st.sampled_from(Status), TEXT)
NOTES = st.builds(Note, st.booleans(), st.none() | st.sampled_from(Audit))


@st.composite
def results(draw: st.DrawFn) -> Result:
    programs = draw(st.lists(st.none() | TEXT, max_size=4))
    inputs = draw(st.lists(TEXT, max_size=4))
    few = st.sampled_from(draw(st.lists(OUTCOMES, min_size=1, max_size=4)))
    job = Job(draw(TEXT), tuple(programs), draw(st.none() | TEXT), tuple(inputs))
    return Result(job, [tuple(draw(few) for _ in inputs) for _ in programs], [draw(NOTES) for _ in programs])


def make(index: int, value: str = "1") -> Result:
    job = Job(f"job{index}", (f"def f(x): return {index}", None), "f", ("(1,)", "(2,)"))
    row = (Outcome(Status.OK, value), Outcome(Status.TIMEOUT, ""))
    return Result(job, [row, (Outcome(Status.COMPILE_ERROR, ""),) * 2], [Note(True, Audit.AGREED), Note(False, None)])


def write(path: Path, results: Iterable[Result], limits: Limits = LIMITS) -> None:
    with Journal(path, limits) as opened:
        for result in results:
            opened.append(result)


class Jobs:
    """Jobs that can be gone through again and again, and are no sequence."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[Job]:
        return (Job(f"job{n}", (f"def f(x): return x + {n}",), "f", ("(1,)", "(2,)")) for n in range(self.count))


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the jobs that are executed from now on."""
    ids: list[str] = []

    def spy(jobs: Iterable[Job], limits: Limits, workers: int) -> Iterator[Result]:
        for result in execute(jobs, limits, workers):
            ids.append(result.job.id)
            yield result

    monkeypatch.setattr(journal, "execute", spy)
    return ids


# --- writing and reading back ---------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=200)
@given(st.lists(results(), max_size=4, unique_by=lambda result: result.job))
@example([Result(Job("\ud83d\ude00", ("\n", "\r\u2028"), None, ("\x85",)), [(Outcome(Status.OK, "\ud83d\ude00"),)] * 2,
                 [Note(False, None)] * 2)])  # fmt: skip
@example([Result(Job("😀", ("",), None, ()), [()], [Note(True, None)]),
          Result(Job("\ud83d\ude00", ("",), None, ()), [()], [Note(True, Audit.LEAKED)])])  # fmt: skip
def test_results_come_back_exactly(tmp_path_factory: pytest.TempPathFactory, results: list[Result]) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    write(path, results)
    with Journal(path, LIMITS) as opened:
        assert [opened.find(result.job) for result in results] == results
        assert list(opened.finished([result.job for result in results])) == results
    assert [(f.id, f.rows, f.notes) for f in read(path)] == [(r.job.id, r.rows, r.notes) for r in results]
    assert path.read_bytes().count(b"\n") == len(results)


def test_each_distinct_outcome_is_written_once(tmp_path: Path) -> None:
    value = json.dumps("x" * 10_000)
    job = Job("a", tuple(f"def f(x): return {n}" for n in range(15)), "f", ("(1,)",) * 30)
    write(tmp_path / "j", [Result(job, [(Outcome(Status.OK, value),) * 30] * 15, [Note(False, None)] * 15)])
    assert (tmp_path / "j").stat().st_size < 12_000
    assert [finished.rows[14][29].value for finished in read(tmp_path / "j")] == [value]


def test_the_last_line_of_a_job_counts(tmp_path: Path) -> None:
    write(tmp_path / "j", [make(1, "1"), make(2), make(1, "2")])
    with Journal(tmp_path / "j", LIMITS) as opened:
        assert opened.find(make(1).job) == make(1, "2")


def test_what_was_appended_is_found_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", LIMITS) as opened:
        for index in range(3):
            assert opened.find(make(index).job) is None
            opened.append(make(index))
            assert opened.find(make(index).job) == make(index)
            assert len(list(read(tmp_path / "j"))) == index + 1


# --- whom a line belongs to -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"programs": ("def f(x): return 2", None)},
        {"programs": ("def f(x): return 1", "")},
        {"entry_point": "g"},
        {"entry_point": None},
        {"inputs": ("(1,)", "(3,)")},
        {"inputs": ("(2,)", "(1,)")},
    ],
)
def test_a_changed_job_is_another(tmp_path: Path, change: dict[str, Any]) -> None:
    write(tmp_path / "j", [make(1)])
    with Journal(tmp_path / "j", LIMITS) as opened:
        assert opened.find(make(1).job) is not None
        assert opened.find(replace(make(1).job, **change)) is None


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"cpu_seconds": 0.6}, False),
        ({"wall_seconds": 6}, False),
        ({"memory_mb": 257}, False),
        ({"output_kb": 65}, False),
        ({"max_timeouts": 3}, False),
        ({"packages": ("numpy",)}, False),
        ({"audit": 1.0}, False),
        ({"require": "weak"}, True),
        ({"wall_seconds": 5, "packages": [], "audit": 0}, True),
    ],
)
def test_limits_that_decide_outcomes_are_part_of_the_key(tmp_path: Path, change: dict[str, Any], is_same: bool) -> None:
    write(tmp_path / "j", [make(1)])
    with Journal(tmp_path / "j", replace(LIMITS, **change)) as opened:
        assert (opened.find(make(1).job) is not None) == is_same


# --- damage ---------------------------------------------------------------------------------------------------------


def test_a_torn_last_line_is_cut_off_wherever_it_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "j"
    write(path, [make(1), make(2, '"\\u00e9"'), make(3, "é\ud800")])
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        kept = sum(size >= sum(map(len, lines[: n + 1])) for n in range(3))
        assert len(list(read(path))) == kept
        with Journal(path, LIMITS) as opened:
            assert path.read_bytes() == b"".join(lines[:kept])
            found = [opened.find(make(n).job) is not None for n in (1, 2, 3)]
            assert found == [n < kept for n in range(3)]
            opened.append(make(9))
        assert [finished.id for finished in read(path)] == [*["job1", "job2", "job3"][:kept], "job9"]


@pytest.mark.parametrize("text", ["\n", "{}\n", '{"id": "a"}', "precious", '{"key":"?\n', "\0\n"])
def test_what_is_not_a_journal_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "j"
    write(path, [make(1)])
    path.write_text(path.read_text() + text)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"^{path}, line 2: damaged, or not of a journal"):
        Journal(path, LIMITS)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"outcomes":[["ok","1"]', '"outcomes":[["ok",1]'),
        ('"outcomes":[["ok","1"]', '"outcomes":[["OK","1"]'),
        ('"outcomes":[["ok","1"]', '"outcomes":[["ok","1]'),
        ('"rows":[[0,1]', '"rows":[[0,-1]'),
        ('"rows":[[0,1]', '"rows":[[0,7]'),
        ('"rows":[[0,1]', '"rows":[[0]'),
        ('"rows":[[0,1],', '"rows":['),
        ('"exact":[true,false]', '"exact":[true]'),
        ('"audit":["agreed",null]', '"audit":["fine",null]'),
        ('"id":"job2"', '"name":"job2"'),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "j"
    write(path, [make(n) for n in (1, 2, 3)])
    lines = path.read_text().splitlines(keepends=True)
    assert old in lines[1]
    path.write_text(lines[0] + lines[1].replace(old, new) + lines[2])
    with Journal(path, LIMITS) as opened:
        assert opened.find(make(1).job) == make(1)
        assert opened.find(make(3).job) == make(3)
        with pytest.raises(ValueError, match=f"^{path}, line 2: damaged"):
            opened.find(make(2).job)
    with pytest.raises(ValueError, match=f"^{path}, line 2: damaged"):
        list(resume(path, [make(n).job for n in (1, 2, 3)], LIMITS, 1))


def test_no_half_a_line_stays_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_write, left = os.write, [1000]

    def write_until_full(descriptor: int, data: memoryview) -> int:
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = really_write(descriptor, data[: min(40, left[0])])
        left[0] -= count
        return count

    monkeypatch.setattr("os.write", write_until_full)
    with Journal(tmp_path / "j", LIMITS) as opened:
        with pytest.raises(OSError, match=r"No space left on device.*j'"):
            list(map(opened.append, map(make, range(99))))
        whole = len(list(read(tmp_path / "j")))
        assert 2 < whole == (tmp_path / "j").read_bytes().count(b"\n")
        left[0] = 1000
        opened.append(make(100))
    assert len(list(read(tmp_path / "j"))) == whole + 1


# --- one process at a time ------------------------------------------------------------------------------------------


def test_a_second_process_gets_an_error_and_the_next_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "j"
    script = (
        "import sys\nfrom pathlib import Path\nfrom conself.sandbox import Limits\n"
        "from conself.sandbox.journal import Journal\n"
        "Journal(Path(sys.argv[1]), Limits(0.5, 5.0, 256, 64, 2))\n"
        "print('open', flush=True)\nsys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert other.stdout.readline() == "open\n"
    with pytest.raises(OSError, match=f"^{path} is used by another process"):
        Journal(path, LIMITS)
    other.kill()
    other.communicate()
    write(path, [make(1)])
    write(path, [make(2)])
    assert len(list(read(path))) == 2


def test_a_deleted_journal_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "j"
    first = Journal(path, LIMITS)
    first.append(make(1))
    first.delete()
    assert not path.exists()
    first.close()
    with pytest.raises(ValueError, match="is closed"):
        first.append(make(2))
    with Journal(path, LIMITS) as second:
        assert second.find(make(1).job) is None


# --- resuming -------------------------------------------------------------------------------------------------------


def test_resume_gives_what_execute_gives_and_runs_nothing_twice(tmp_path: Path, executed: list[str]) -> None:
    path, jobs = tmp_path / "j", list(Jobs(12))
    expected = {result.job.id: result for result in execute(jobs, LIMITS, 2)}
    part = resume(path, jobs, LIMITS, 2)
    first = [next(part) for _ in range(5)]
    part.close()  # type: ignore[attr-defined]
    done = [finished.id for finished in read(path)]
    assert [result.job.id for result in first] == done == executed

    executed.clear()
    everything = list(resume(path, jobs, LIMITS, 2))
    assert [result.job.id for result in everything[:5]] == sorted(done, key=lambda name: int(name[3:]))
    assert len(executed) == 7
    assert {result.job.id: result for result in everything} == expected

    executed.clear()
    assert list(resume(path, Jobs(12), LIMITS, 2)) == [expected[f"job{n}"] for n in range(12)]
    assert executed == []


def test_changed_jobs_are_run_again_and_old_lines_go_at_the_end(tmp_path: Path, executed: list[str]) -> None:
    path, jobs = tmp_path / "j", list(Jobs(6))
    list(resume(path, jobs, LIMITS, 1))
    (tmp_path / ".j.writing").write_text("left by a kill while the lines were put into order")
    executed.clear()
    jobs = [jobs[4], replace(jobs[1], inputs=("(7,)",)), jobs[0], replace(jobs[0], id="new")]
    rows = {result.job.id: result.rows for result in resume(path, jobs, LIMITS, 1)}
    assert executed == ["job1", "new"]
    assert rows["job1"] == [(Outcome(Status.OK, "8"),)]
    assert [finished.id for finished in read(path)] == ["job4", "job1", "job0", "new"]
    assert os.listdir(tmp_path) == ["j"]
    list(resume(path, jobs, replace(LIMITS, memory_mb=300), 1))
    assert executed == ["job1", "new", "job4", "job1", "job0", "new"]


def test_the_file_at_the_end_does_not_depend_on_the_order_of_the_work(tmp_path: Path) -> None:
    for name, workers in (("a", 1), ("b", 3)):
        part = resume(tmp_path / name, Jobs(10), LIMITS, workers)
        next(part)
        part.close()  # type: ignore[attr-defined]
        list(resume(tmp_path / name, Jobs(10), LIMITS, workers))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_bad_jobs_and_limits_are_told_before_anything_runs(tmp_path: Path, executed: list[str]) -> None:
    path, jobs = tmp_path / "j", list(Jobs(2))
    with pytest.raises(ValueError, match="job 'bad': program 0 must be a str"):
        resume(path, [*jobs, Job("bad", (3,), "f", ())], LIMITS, 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sandbox limit memory_mb"):
        resume(path, jobs, replace(LIMITS, memory_mb=1), 1)
    with pytest.raises(ValueError, match="sandbox limit memory_mb"):
        Journal(path, replace(LIMITS, memory_mb=1))
    with pytest.raises(ValueError, match="give a list"):
        resume(path, iter(jobs), LIMITS, 1)
    assert executed == []
    assert not path.exists()


def test_equal_jobs_each_give_a_result(tmp_path: Path) -> None:
    jobs = list(Jobs(1)) * 3
    assert len(list(resume(tmp_path / "j", jobs, LIMITS, 1))) == 3
    assert len(list(resume(tmp_path / "j", jobs, LIMITS, 1))) == 3
    assert len(list(read(tmp_path / "j"))) == 1


def test_memory_does_not_grow_with_the_results(tmp_path: Path) -> None:
    class Many:
        def __iter__(self) -> Iterator[Job]:
            return (make(n).job for n in range(300))

    write(tmp_path / "j", (make(n, json.dumps("x" * 100_000)) for n in range(300)))
    assert (tmp_path / "j").stat().st_size > 30_000_000
    tracemalloc.start()
    try:
        assert sum(len(result.rows) for result in resume(tmp_path / "j", Many(), LIMITS, 1)) == 600
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_one_stream_over_many_journals(tmp_path: Path) -> None:
    """As the pipeline uses it: a journal per shard, deleted when the shard is written."""
    shards = {f"shard{n}": [f"{n}-{i}" for i in range(4)] for n in range(3)}
    ran: list[str] = []

    def run(stop_after: int) -> dict[str, list[Result]]:
        written: dict[str, list[Result]] = {}
        home: dict[str, tuple[str, Journal, list[Result]]] = {}

        def take(result: Result) -> None:
            shard, opened, done = home[result.job.id]
            done.append(result)
            if len(done) == len(shards[shard]):
                written[shard] = done
                opened.delete()

        def missing(stack: ExitStack) -> Iterator[Job]:
            for shard, ids in shards.items():
                opened, done = stack.enter_context(Journal(tmp_path / shard, LIMITS)), list[Result]()
                for name in ids:
                    home[name] = shard, opened, done
                    job = Job(name, (f"def f(x): return {name!r}",), "f", ("(1,)",))
                    found = opened.find(job)
                    if found is None:
                        yield job
                    else:
                        take(found)

        with ExitStack() as stack:
            for result in execute(missing(stack), LIMITS, 1):
                home[result.job.id][1].append(result)
                ran.append(result.job.id)
                take(result)
                if len(ran) == stop_after:
                    break
        return written

    assert list(run(6)) == ["shard0"]
    assert os.listdir(tmp_path) == ["shard1"]
    ran.clear()
    shards.pop("shard0")
    written = run(-1)
    assert {shard: sorted(r.job.id for r in done) for shard, done in written.items()} == shards
    assert sorted(ran) == ["1-2", "1-3", "2-0", "2-1", "2-2", "2-3"]
    assert os.listdir(tmp_path) == []
