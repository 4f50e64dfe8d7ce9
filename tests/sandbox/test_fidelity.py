"""Honest stdin programs: what is recorded is what a plain interpreter would have done, on either path."""

import subprocess
import sys
from pathlib import Path

import pytest

from conself.sandbox import Audit, Job, Limits, Outcome, Result, Status, canonical, execute
from tests.sandbox.legitimate import PROGRAMS, Program

LIMITS = Limits(
    cpu_seconds=5.0, wall_seconds=20.0, memory_mb=1024, output_kb=4096, max_timeouts=3, audit=1.0, require="weak"
)
# what an interpreter that ends with another exit code than 0 has done
FAILURES = {Status.EXCEPTION, Status.EXIT, Status.COMPILE_ERROR}


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """Each program on its first input, its second, and its first again; each is run a second time, exactly."""
    jobs = [Job(case.name, (case.source,), None, (*case.inputs, case.inputs[0])) for case in PROGRAMS]
    return {result.job.id: result for result in execute(jobs, LIMITS, 1)}


def run_plain(source: str, text: str, folder: Path) -> tuple[int, str]:
    """The exit code and standard output of ``python main.py < input > output`` in a clean environment."""
    (folder / "main.py").write_bytes(source.encode())
    (folder / "input").write_bytes(text.encode())
    with open(folder / "input", "rb") as given, open(folder / "output", "wb") as taken:
        done = subprocess.run(
            [sys.executable, "main.py"],
            stdin=given,
            stdout=taken,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"},
            check=False,
        )
    return done.returncode, (folder / "output").read_bytes().decode("utf-8", "surrogateescape")


def test_the_corpus_is_large_and_its_names_differ() -> None:
    assert len({case.name for case in PROGRAMS}) == len(PROGRAMS) >= 150


@pytest.mark.parametrize("case", PROGRAMS, ids=lambda case: case.name)
def test_same_as_a_plain_interpreter(case: Program, results: dict[str, Result], tmp_path: Path) -> None:
    row, note = results[case.name].rows[0], results[case.name].notes[0]
    for outcome, text in zip(row, case.inputs, strict=False):
        code, output = run_plain(case.source, text, tmp_path)
        if code == 0:
            assert outcome == Outcome(Status.OK, canonical(output))
        else:
            assert outcome.status in FAILURES
    assert row[2] == row[0]
    assert note.audit is Audit.AGREED  # one process for all inputs, or one for each: it makes no difference


def test_most_programs_share_a_process_for_their_inputs(results: dict[str, Result]) -> None:
    exact = [name for name, result in results.items() if result.notes[0].exact]
    assert len(exact) <= 0.25 * len(PROGRAMS), exact


# --- where the sandbox differs from a plain interpreter on purpose or because of its walls --------------------------

OK, EXCEPTION = Status.OK, Status.EXCEPTION
DIFFERENT: dict[str, tuple[str, Status, set[str]]] = {
    "ints may have more than 4,300 digits": ("print(len(str(7 ** 12000)))", OK, {'"10142\\n"'}),
    "of /dev there is only stdin": (
        "open('/dev/stdout')",
        EXCEPTION,
        {"FileNotFoundError", "PermissionError"},
    ),
    "no file can be written": ("open('out', 'w')", EXCEPTION, {"PermissionError"}),
    "no process can be started": ("import os\nos.system('true') and 1 / 0", EXCEPTION, {"ZeroDivisionError"}),
    "a program is text, whatever coding its first line names": ("# coding: latin-1\nprint(len('é'))", OK, {'"1\\n"'}),
    "the limit of recursion counts frames of ours": (
        "import sys\nprint(1000 < sys.getrecursionlimit() < 1100)",
        OK,
        {'"True\\n"'},
    ),
    "hooks for exceptions are not called": (
        "import sys\nsys.excepthook = lambda *a: print('hook')\n1 / 0",
        EXCEPTION,
        {"ZeroDivisionError"},
    ),
    "random numbers are seeded": ("import random\nprint(random.random())", OK, {'"0.8444218515250481\\n"'}),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_stated_differences(name: str) -> None:
    source, status, values = DIFFERENT[name]
    (result,) = execute([Job("job", (source,), None, ("1\n",))], LIMITS, 1)
    ((outcome,),) = result.rows
    assert outcome.status is status
    assert outcome.value in values


def test_a_call_can_recurse_as_deep_as_from_a_module_s_first_level(tmp_path: Path) -> None:
    source = "def g(n):\n try: return g(n + 1)\n except RecursionError: return n\ndef f(n): return g(n)\n"
    code, output = run_plain(f"{source}print(f(0))\n", "", tmp_path)
    (result,) = execute([Job("job", (source, f"import gc\n{source}"), "f", ("(0,)",) * 3)], LIMITS, 1)
    assert code == 0
    assert set(result.rows) == {(Outcome(Status.OK, output.strip()),) * 3}
    assert [note.exact for note in result.notes] == [False, True]
