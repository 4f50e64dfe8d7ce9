"""No state passes from one input to the next, and still most programs share a process for their inputs."""

import ast
import collections  # noqa: F401 - modules that the zygote has loaded when it looks at a program
import heapq  # noqa: F401
import json
import math  # noqa: F401
import random  # noqa: F401
import re  # noqa: F401
import string  # noqa: F401
import subprocess
import sys
from pathlib import Path

import pytest

from conself.sandbox import Audit, Job, Limits, Result, execute
from conself.sandbox.leaks import may_leak, may_leak_main
from tests.sandbox.corpus import Entry, read
from tests.sandbox.stateful import CALLS, NUMPY, STDIN

LIMITS = {"cpu_seconds": 2.0, "wall_seconds": 20.0, "memory_mb": 512, "output_kb": 256, "max_timeouts": 3, "audit": 1.0}


def run(programs: dict[str, str], entry_point: str | None, text: str, packages: tuple[str, ...] = ()) -> Result:
    job = Job("job", tuple(programs.values()), entry_point, (text,) * 3)
    (result,) = execute([job], Limits(**LIMITS, packages=packages, require="weak"), 1)
    return result


def differing(programs: dict[str, str], result: Result) -> list[object]:
    """The programs whose outcomes are not the same on all inputs, or not those of a process for each."""
    found = zip(programs, result.rows, result.notes, strict=True)
    return [(name, row, note) for name, row, note in found if len(set(row)) > 1 or note.audit is not Audit.AGREED]


def test_no_call_sees_what_another_one_left() -> None:
    assert differing(CALLS, run(CALLS, "f", "(1,)")) == []


def test_no_call_sees_what_another_one_left_in_numpy() -> None:
    pytest.importorskip("numpy")
    assert differing(NUMPY, run(NUMPY, "f", "(1,)", ("numpy",))) == []


def test_no_stdin_program_sees_what_its_last_run_left() -> None:
    assert differing(STDIN, run(STDIN, None, "1\n")) == []


IN_ONE_PROCESS = """
import json, os, sys, types
for name, source in json.load(sys.stdin).items():
    if os.fork() == 0:
        sys.stdin, out = open(os.devnull), os.dup(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        module = sys.modules["candidate"] = types.ModuleType("candidate")
        exec(compile(source, "<program>", "exec"), vars(module))
        values = []
        for _ in range(3):
            call = module.f if hasattr(module, "f") else module.Solution().f
            try: values.append(repr(call(1)))
            except BaseException as error: values.append(repr(type(error)))
        os.write(out, f"{json.dumps([name, len(set(values)) > 1])}\\n".encode())
        os._exit(0)
    os.wait()
"""


# stateful only where caches are emptied in between, or where more happens at the set limit, as on the fast path
ABOUT_THE_ENGINE = {"cache filled while loading", "default of what is behind a cache", "low recursion limit"}


def test_the_calls_are_stateful_where_nobody_looks() -> None:
    """The corpus itself: in one process each gives other values on later calls, or the test above shows nothing."""
    command = [sys.executable, "-c", IN_ONE_PROCESS]
    done = subprocess.run(command, input=json.dumps(CALLS), capture_output=True, text=True, check=True)
    found = dict(map(json.loads, done.stdout.splitlines()))
    assert {name for name in CALLS if not found.get(name)} == ABOUT_THE_ENGINE


COMMON = Path(__file__).with_name("common_programs")
SHARING_CALLS, SHARING_PROGRAMS = read(COMMON / "calls.txt"), read(COMMON / "stdin.txt")


@pytest.mark.parametrize("entry", SHARING_CALLS, ids=lambda entry: entry.name)
def test_common_call_programs_keep_the_fast_path(entry: Entry) -> None:
    assert not may_leak(ast.parse(entry.source))


@pytest.mark.parametrize("entry", SHARING_PROGRAMS, ids=lambda entry: entry.name)
def test_common_stdin_programs_keep_the_fast_path(entry: Entry) -> None:
    assert not may_leak_main(ast.parse(entry.source))


def test_common_programs_are_run_in_one_process() -> None:
    """The analysis in the sandbox itself, the captured state included."""
    for entries, entry_point in ((SHARING_CALLS, "f"), (SHARING_PROGRAMS, None)):
        result = run({entry.name: entry.source for entry in entries}, entry_point, "([1],)")
        assert [entry.name for entry, note in zip(entries, result.notes, strict=True) if note.exact] == []
        assert {note.audit for note in result.notes} == {Audit.AGREED}
