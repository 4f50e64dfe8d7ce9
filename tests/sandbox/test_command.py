"""``python -m conself.sandbox``: right results, resumed after any kill, and one line for each kind of bad input."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from conself.sandbox.__main__ import _Meter, main
from conself.sandbox.journal import read
from conself.sandbox.results import Summary

JOBS: list[dict[str, Any]] = [
    {
        "id": "call",
        "entry_point": "f",
        "prefix": "import math\n",
        "inputs": [[9, [1, 2]], {"py": "(16, {3})"}, ["BIG", None]],
        "candidates": [
            {"code": "def f(a, b): return math.isqrt(a), b", "passed": True},
            {"code": "class Solution:\n def f(self, a, b): return b"},
            {"code": None},
            {"code": "def f(a, b): return 1 // (a - 9)"},
        ],
        "golden": "left alone",
    },
    {
        "id": "standard input",
        "entry_point": None,
        "inputs": ["1 2\n", "\u00e9\n"],
        "candidates": [{"code": "print(input())"}, {"code": "import numpy"}, {"code": "import os\nos._exit(3)"}],
    },
    {"id": "nothing", "entry_point": "f", "inputs": [], "candidates": []},
]
ROOT_OF_BIG = '{"i":"' + f"{10**2500:x}" + '"}'


def put(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records).replace('"BIG"', "1" + "0" * 5000))
    return path


def start(*arguments: object, interrupts: Any = signal.default_int_handler) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "conself.sandbox", *map(str, arguments)]
    before = signal.signal(signal.SIGINT, interrupts)
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


def rows_of(path: Path) -> dict[str, list[list[tuple[str, str]]]]:
    return {f.id: [[(o.status.value, o.value) for o in row] for row in f.rows] for f in read(path)}


def test_a_run_and_the_same_run_again(tmp_path: Path) -> None:
    jobs, out = put(tmp_path / "jobs.jsonl", JOBS), tmp_path / "out.jsonl"
    jobs.write_text(jobs.read_text() + "\n  \n")
    first = start(jobs, out, "--workers", 2, "--audit", 1)
    told, errors = first.communicate()
    assert (first.returncode, errors) == (0, "")
    assert rows_of(out) == {
        "call": [
            [("ok", '{"t":[3,[1,2]]}'), ("ok", '{"t":[4,{"s":[3]}]}'), ("ok", f'{{"t":[{ROOT_OF_BIG},null]}}')],
            [("ok", "[1,2]"), ("ok", '{"s":[3]}'), ("ok", "null")],
            [("compile_error", "")] * 3,
            [("exception", "ZeroDivisionError"), ("ok", "0"), ("ok", "0")],
        ],
        "standard input": [
            [("ok", '"1 2\\n"'), ("ok", '"\\u00e9\\n"')],
            [("exception", "ModuleNotFoundError")] * 2,
            [("exit", "")] * 2,
        ],
        "nothing": [],
    }
    summary = json.loads((tmp_path / "out.summary.json").read_text())
    assert summary["statuses"] == {"compile_error": 3, "exception": 3, "exit": 2, "ok": 10}
    assert (summary["jobs"], summary["resumed"], summary["programs"], summary["executions"]) == (3, 0, 7, 18)
    assert (summary["audited"], summary["missing_modules"]) == (6, 1)
    walls, counts = told.splitlines()
    assert walls == f"isolation: {summary['isolation']}"
    assert "3 jobs (0 of them done before), 7 programs, 18 executions (compile_error 3, exception 3, exit 2," in counts

    before = out.read_bytes()
    second = start(jobs, out, "--workers", 1, "--audit", 1, "--require", "weak")
    assert "3 jobs (3 of them done before)" in second.communicate()[0]
    assert out.read_bytes() == before
    again = json.loads((tmp_path / "out.summary.json").read_text())
    assert {**summary, "resumed": 3, "seconds": again["seconds"]} == again


def slow_jobs(count: int) -> list[dict[str, Any]]:
    """Jobs of about 50 ms; their second program gives another value whenever it is run."""
    codes = [
        "import time\ndef f(x):\n while time.process_time() < 0.02: pass\n return x + {}",
        "import time\ndef f(x): return time.time_ns(), {}",
    ]
    return [
        {
            "id": f"job {n}",
            "entry_point": "f",
            "inputs": [[1], [2]],
            "candidates": [{"code": c.format(n)} for c in codes],
        }
        for n in range(count)
    ]


def family(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def all_end(processes: list[psutil.Process]) -> bool:
    """Whether the processes are gone within five seconds."""
    deadline = time.monotonic() + 5
    while any(is_alive(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def whole_lines(path: Path) -> list[bytes]:
    data = path.read_bytes() if path.exists() else b""
    return [line for line in data.splitlines(keepends=True) if line.endswith(b"\n")]


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_where_it_was(tmp_path: Path) -> None:
    """Moments are counted in lines, at most 88 of 100: by the clock a faster run might end before its first kill."""
    jobs, out, calm = put(tmp_path / "jobs.jsonl", slow_jobs(100)), tmp_path / "out.jsonl", tmp_path / "calm.jsonl"
    options = ("--workers", 2, "--audit", 0)
    assert start(jobs, calm, *options).wait() == 0
    moments, done, seen = random.Random(0), list[bytes](), 0
    for _ in range(8):
        further = moments.randrange(12)
        process = start(jobs, out, *options)
        while len(whole_lines(out)) < len(done) + further:
            assert process.poll() is None, "it ended before its jobs were done"
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.1))
        children = family(process)
        process.kill()
        process.communicate()
        assert all_end(children)
        before, done = done, whole_lines(out)
        assert set(before) <= set(done)
        seen += len(children)
    assert seen
    assert done

    last = start(jobs, out, *options)
    assert f"100 jobs ({len(done)} of them done before)" in last.communicate()[0]
    assert set(done) <= set(whole_lines(out))
    ids = [finished.id for finished in read(out)]
    assert ids == [f"job {n}" for n in range(100)]
    assert [f.rows[0] for f in read(out)] == [f.rows[0] for f in read(calm)]
    assert [f.key for f in read(out)] == [f.key for f in read(calm)]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("interrupts", [signal.default_int_handler, signal.SIG_IGN], ids=["foreground", "background"])
def test_ctrl_c_ends_cleanly(tmp_path: Path, interrupts: Any) -> None:
    """Also in the background of a script, where the shell has it ignored."""
    jobs, out = put(tmp_path / "jobs.jsonl", slow_jobs(4000)), tmp_path / "out.jsonl"
    process = start(jobs, out, "--workers", 2, interrupts=interrupts)
    deadline = time.monotonic() + 60
    while len(whole_lines(out)) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    children = family(process)
    process.send_signal(signal.SIGINT)
    told, errors = process.communicate()
    assert process.returncode == 130
    assert told == ""
    assert errors == f"interrupted; finished jobs are in {out}: the same command goes on from there\n"
    assert children
    assert all_end(children)
    assert len(list(read(out))) == len(whole_lines(out)) >= 3


def changed(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda record: record.update(fields)


BAD_JOBS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no id": (lambda r: r.pop("id"), "job: the field 'id' is missing"),
    "id": (changed(id=3.5), "job: id is 3.5: it must be text, or an int"),
    "same id": (changed(id="first"), "job 'first' is on line 1 already"),
    "no entry point": (lambda r: r.pop("entry_point"), "job 'x': the field 'entry_point' is missing"),
    "entry point": (changed(entry_point=["f"]), "job 'x': 'entry_point' must be a text or null"),
    "name": (changed(entry_point="f()"), "job 'x': entry_point 'f()' must be a name"),
    "prefix": (changed(prefix=None), "job 'x': 'prefix' must be a text"),
    "no inputs": (lambda r: r.pop("inputs"), "job 'x': the field 'inputs' is missing"),
    "inputs": (changed(inputs={}), "job 'x': 'inputs' must be a list"),
    "input": (changed(inputs=[[1], 2]), "job 'x': input 1 must be an array of arguments, or {\"py\":"),
    "input text": (changed(inputs=["(1,)"]), "job 'x': input 0 must be an array of arguments"),
    "nan": (changed(inputs=[[1], [[float("nan")]]]), "job 'x': input 1: nan has no literal; leave this input out"),
    "literal": (changed(inputs=[{"py": "f(1)"}]), "job 'x': input 0 is not the literal of a tuple of arguments"),
    "no tuple": (changed(inputs=[{"py": "[1]"}]), "job 'x': input 0 is not the literal of a tuple of arguments"),
    "py": (changed(inputs=[{"py": 1}]), "job 'x': input 0 must be an array of arguments"),
    "stdin": (changed(entry_point=None, inputs=[[1]]), "job 'x': input 0 must be a str, not list"),
    "no candidates": (lambda r: r.pop("candidates"), "job 'x': the field 'candidates' is missing"),
    "candidates": (changed(candidates="def f(x): 1"), "job 'x': 'candidates' must be a list"),
    "candidate": (changed(candidates=["def f(x): 1"]), "job 'x': candidate 0 must be an object"),
    "no code": (changed(candidates=[{"code": ""}, {}]), "job 'x', candidate 1: the field 'code' is missing"),
    "code": (changed(candidates=[{"code": 3}]), "job 'x', candidate 0: 'code' must be a text or null"),
}


def fails(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that the command ends with, after ``error:``; exit code 2."""
    try:
        code: Any = main(list(map(str, arguments)))
    except SystemExit as error:
        code = error.code
    told, errors = capsys.readouterr()
    assert (code, told) == (2, "")
    assert errors.startswith("error: ")
    assert errors.endswith("\n")
    assert errors.count("\n") == 1
    return errors[7:-1]


@pytest.mark.parametrize("kind", BAD_JOBS)
def test_a_bad_job_is_named_before_anything_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    change, message = BAD_JOBS[kind]
    good = {"id": "first", "entry_point": "f", "inputs": [[1]], "candidates": [{"code": "def f(x): return x"}]}
    bad = {**good, "id": "x"}
    change(bad)
    path, out = put(tmp_path / "jobs.jsonl", [good, bad]), tmp_path / "out.jsonl"
    assert fails(capsys, path, out).startswith(f"{path}, line 2: {message}")
    assert not out.exists()


@pytest.mark.parametrize(
    "line", ["{", "[]", '"x"', "nothing", "[" * 100_000, '{"id": "\xff"}', '{"id": "a", "id": "b"}']
)
def test_a_line_that_is_not_a_json_object_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    path = put(tmp_path / "jobs.jsonl", JOBS)
    path.write_bytes(path.read_bytes() + line.encode("latin-1"))
    message = fails(capsys, path, tmp_path / "out.jsonl")
    reasons = ("no JSON (", "a JSON object is needed", "nested too deeply", "no UTF-8 (", "id appears twice")
    assert message.startswith(tuple(f"{path}, line 4: {reason}" for reason in reasons))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", 0), "sandbox workers is 0: it must be an int from 1 to 4096"),
        (("--cpu-seconds", "nan"), "sandbox limit cpu_seconds is nan"),
        (("--cpu-seconds", "long"), "argument --cpu-seconds: invalid float value: 'long'"),
        (("--wall-seconds", -1), "sandbox limit wall_seconds is -1.0"),
        (("--memory-mb", 1), "sandbox limit memory_mb is 1"),
        (("--output-kb", 0), "sandbox limit output_kb is 0"),
        (("--max-timeouts", 0), "sandbox limit max_timeouts is 0"),
        (("--audit", 2), "sandbox limit audit is 2.0"),
        (("--require", "total"), "argument --require: invalid choice: 'total'"),
        (("--packages", "a b"), "sandbox package 'a b' must be the name"),
        (("--packages", "no_such_package"), "sandbox.packages: no_such_package cannot be imported"),
        (("--nonsense",), "unrecognized arguments: --nonsense"),
    ],
)
def test_a_bad_option_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[object, ...], message: str
) -> None:
    out = tmp_path / "out.jsonl"
    assert fails(capsys, put(tmp_path / "jobs.jsonl", JOBS), out, *options).startswith(message)
    assert not out.exists()


def test_files_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs, out = put(tmp_path / "jobs.jsonl", JOBS), tmp_path / "out.jsonl"
    assert "No such file or directory" in fails(capsys, tmp_path / "none.jsonl", out)
    assert "must be a file" in fails(capsys, tmp_path, out)
    assert "must be a file" in fails(capsys, "/dev/null", out)
    assert f"there is no folder {tmp_path / 'none'}; make it" in fails(capsys, jobs, tmp_path / "none" / "out.jsonl")
    assert f"{jobs}, line 1: damaged, or not of a journal" in fails(capsys, jobs, jobs)
    assert "is a folder: name a file" in fails(capsys, jobs, tmp_path)
    assert "arguments are required" in fails(capsys, jobs)
    assert rows_of(out) == {} if out.exists() else True


def test_work_done_is_kept_when_the_input_turns_bad(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs, out = put(tmp_path / "jobs.jsonl", JOBS), tmp_path / "out.jsonl"
    assert main([str(jobs), str(out)]) == 0
    capsys.readouterr()
    before = out.read_bytes()
    assert "id is 1.5: it must be text" in fails(capsys, put(jobs, [*JOBS, {**JOBS[0], "id": 1.5}]), out)
    assert out.read_bytes() == before
    assert main([str(put(jobs, [{**JOBS[1], "id": "new"}, *JOBS])), str(out)]) == 0
    assert "4 jobs (3 of them done before)" in capsys.readouterr().out
    assert [finished.id for finished in read(out)] == ["new", *(job["id"] for job in JOBS)]


def test_isolation_that_is_not_there_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from conself.sandbox import IsolationError

    def refuse(_: object) -> str:
        raise IsolationError("the kernel\nrefuses")

    monkeypatch.setattr("conself.sandbox.__main__.isolation", refuse)
    out = tmp_path / "out.jsonl"
    assert fails(capsys, put(tmp_path / "jobs.jsonl", JOBS), out) == "the kernel refuses"
    assert not out.exists()


def test_a_sandbox_that_fails_on_the_way_is_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("sandbox worker died twice on job 'call'")

    monkeypatch.setattr("conself.sandbox.journal.execute", fail)
    out = tmp_path / "out.jsonl"
    assert main([str(put(tmp_path / "jobs.jsonl", JOBS)), str(out)]) == 1
    expected = f"error: sandbox worker died twice on job 'call'; finished jobs are in {out}: the same command"
    assert capsys.readouterr().err.startswith(expected)


def test_progress_tells_rate_and_time_left(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now, told, patience = [100.0], "", time.time() + 10
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr("conself.sandbox.__main__._EVERY_SECONDS", 0.01)
    with _Meter(10_000) as meter:
        meter.count(Summary(executions=1000), is_new=False)
        for _ in range(3):
            now[0] += 5
            meter.count(Summary(executions=1000), is_new=True)
        capsys.readouterr()
        while told.count("\n") < 3 and time.time() < patience:  # nothing more is done: one long program is heard of
            told += capsys.readouterr().err
    assert told.splitlines()[2] == "4,000/10,000 executions, 200 executions/s, 0:00:30 left"
