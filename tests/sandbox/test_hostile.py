"""Hostile programs: one property each. All run in one session, each between two innocent programs.

Every one must end with exactly the outcomes of its table, the innocent ones must come out right, and at the end
nothing may be left on the machine. The tables: hostile.py, hostile_inside.py, hostile_state.py.
"""

import os
import resource
import time
from pathlib import Path
from typing import Any

import pytest

from conself.sandbox import Audit, Job, Limits, Outcome, Result, Status, execute, isolation
from tests.sandbox.hostile import CANARY, HIDDEN, REACHING_OUT
from tests.sandbox.hostile_inside import FORGE, INSIDE
from tests.sandbox.hostile_state import AUDITED, LEAK_INPUTS, LEAKS, STDIN, STDIN_INPUTS

CALL_INPUTS = ["(1,)", "(2,)"]
TABLES: dict[str, tuple[dict[str, tuple[str, Any]], list[str]]] = {
    "reaching out": (REACHING_OUT, CALL_INPUTS),
    "reaching out without namespaces": (REACHING_OUT, CALL_INPUTS),
    **{name: (table, CALL_INPUTS) for name, table in INSIDE.items()},
    "leaks": ({name: (program, [(Status.OK, value)] * 3) for name, (program, value) in LEAKS.items()}, LEAK_INPUTS),
    "stdin": (STDIN, STDIN_INPUTS),
}
CASES = [(table, name) for table, (programs, _) in TABLES.items() for name in programs]
INNOCENT, ECHO = "def f(x): return [x]", "print(input())"
LIMITS: dict[str, Any] = {
    "cpu_seconds": 0.3,
    "wall_seconds": 2.0,
    "memory_mb": 128,
    "output_kb": 64,
    "max_timeouts": 2,
    "audit": 0.0,
    "require": "weak",
}
REPORT = isolation()
HAS_NAMESPACES = "namespaces on" in REPORT
pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif("OFF" in REPORT.replace("namespaces OFF", ""), reason=f"a wall is missing here: {REPORT}"),
]


def make_job(name: str) -> Job:
    """A table's programs, with an innocent one before, between and after them."""
    table, inputs = TABLES[name]
    innocent = ECHO if name == "stdin" else INNOCENT
    programs = [text for index, (program, _) in enumerate(table.values()) for text in (f"{innocent} #{index}", program)]
    return Job(name, (*programs, innocent), None if name == "stdin" else "f", tuple(inputs))


def run(*jobs: Job, **changes: Any) -> list[Result]:
    without = changes.pop("without", frozenset())
    return list(execute(jobs, Limits(**{**LIMITS, **changes}), 1, without))


def processes() -> dict[int, tuple[int, int]]:
    """Every process below this one: id to depth and resident pages."""
    table: dict[int, tuple[int, int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            table[int(entry.name)] = parent, int((entry / "statm").read_text().split()[1])
        except OSError:  # it has ended in the meantime
            continue
    found: dict[int, tuple[int, int]] = {}
    new, depth = {os.getpid()}, 0
    while new := {pid for pid, (parent, _) in table.items() if parent in new}:
        depth += 1
        found |= {pid: (depth, table[pid][1]) for pid in new}
    return found


def zygote_pages() -> int:
    """Memory of the zygote, which is the child of a waiter if it has namespaces of its own."""
    return max(pages for depth, pages in processes().values() if depth == 1 + HAS_NAMESPACES)


def machine_state() -> dict[str, object]:
    """What a program could leave behind; canaries only, in folders that others write to as well."""
    folders = (Path("/tmp"), Path.home(), Path.cwd(), Path("/"))
    ipc = [Path("/proc/sysvipc", kind) for kind in ("shm", "sem", "msg")]
    return {
        "processes": set(processes()),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "files": [path for folder in folders for path in folder.glob(f"{CANARY}*")],
        "shared": [sorted(os.listdir(folder)) for folder in ("/dev/shm", "/dev/mqueue") if os.path.isdir(folder)],
        "ipc": [path.read_text() for path in ipc if path.exists()],
    }


@pytest.fixture(scope="module")
def session() -> dict[str, Any]:
    """The rows of all tables by name; the machine's state before and after; the zygote's memory on the way."""
    found: dict[str, Any] = {"before": machine_state(), "pages": []}
    first, second, *others = [make_job(name) for name in TABLES]
    for result in execute([Job("warm", (INNOCENT,), "f", ("(1,)",)), first, *others], Limits(**LIMITS), 1):
        found[result.job.id] = result.rows
        found["pages"].append(zygote_pages())
    found[second.id] = run(second, without={"namespaces"})[0].rows
    return found | {"after": machine_state()}


@pytest.mark.parametrize(("table", "name"), CASES, ids=[f"{table}: {name}" for table, name in CASES])
def test_hostile_program_gets_its_outcomes_and_harms_no_other(table: str, name: str, session: dict[str, Any]) -> None:
    programs, inputs = TABLES[table]
    position = 2 * list(programs).index(name)
    before, hostile, after = session[table][position : position + 3]
    hidden = "PermissionError", "FileNotFoundError"
    seen = [
        (end.status, HIDDEN if end.value in hidden and HIDDEN in programs[name][1][0] else end.value) for end in hostile
    ]
    assert seen == list(programs[name][1])
    good = [f'"{text}\\n"'.replace("\n\\n", "\\n") if table == "stdin" else f"[{text[1]}]" for text in inputs]
    assert before == after == tuple(Outcome(Status.OK, value) for value in good)


def test_nothing_is_left_behind(session: dict[str, Any]) -> None:
    assert session["after"] == session["before"]
    assert session["after"]["files"] == []


def test_the_zygote_does_not_grow(session: dict[str, Any]) -> None:
    assert max(session["pages"]) - session["pages"][0] < (16 << 20) // resource.getpagesize()


def test_whatever_gets_past_the_analysis_is_found_by_an_audit() -> None:
    (result,) = run(Job("j", tuple(AUDITED.values()), "f", ("(1,)",) * 4), audit=1.0)
    assert all(note.exact or note.audit is Audit.LEAKED for note in result.notes)
    assert all(len(set(row)) == 1 for row in result.rows)


def test_a_program_cannot_prolong_itself_without_end() -> None:
    slow = FORGE + (
        "import time\ndef f(x):\n os.ftruncate(63, 0)\n os.lseek(63, 0, 0)\n"
        " os.write(63, F(READY) + F(0, b'1') + F(AGAIN))\n while True: time.sleep(0.05); os.write(63, b'x')"
    )
    start = time.monotonic()
    (result,) = run(Job("j", (slow, INNOCENT), "f", ("(1,)",) * 12), wall_seconds=0.1)
    assert time.monotonic() - start < 0.1 * 3 * 13 + 2  # without a bound: a quarter of a second per pair of inputs
    assert {outcome.status for outcome in result.rows[0]} == {Status.OK, Status.TIMEOUT}
    assert result.rows[1] == (Outcome(Status.OK, "[1]"),) * 12


@pytest.mark.parametrize(
    "text", ["b'[' + b'9' * 10**6 + b']'", "b'[' * 10**6", "b'\"' + b'\\\\' * 10**6", "b'[' + b'{},' * 10**5"]
)
def test_forged_text_does_not_keep_the_zygote_busy(text: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    (result,) = run(Job("j", (f"{FORGE}def f(x): only(F(0, {text}))",), "f", ("(1,)",) * 4), output_kb=1024)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.rows[0] == (Outcome(Status.KILLED, ""),) * 4
    assert after.ru_utime - before.ru_utime < 1.0
