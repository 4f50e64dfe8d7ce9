"""The engine as an unprivileged user: what holds as root holds here too, and nothing needs root's rights.

Where the tests run as root, a copy of the package is run as nobody by an interpreter that nobody can start: the one
of the tests often lies below /root. Otherwise all other tests are the proof, and these run as the same user.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.hostile import HIDDEN, REACHING_OUT
from tests.sandbox.hostile_state import LEAK_INPUTS, LEAKS, STDIN, STDIN_INPUTS
from tests.sandbox.probes import FALLS, PROBES, RIGHTS, ROOT, TRACES, canaries

ROOT_FOLDER = Path(__file__).parents[2]
USER = 65534 if RIGHTS else os.geteuid()
SCRIPT = """
import json, resource, sys
from conself.sandbox import Job, Limits, execute, isolation
request = json.load(sys.stdin)
if request["processes"]:
    resource.setrlimit(resource.RLIMIT_NPROC, (request["processes"],) * 2)
jobs = [Job(j["id"], tuple(j["programs"]), j["entry_point"], tuple(j["inputs"])) for j in request["jobs"]]
results = {r.job.id: r.rows for r in execute(jobs, Limits(**request["limits"]), request["workers"], request["without"])}
rows = {name: [[[end.status, end.value] for end in row] for row in rows] for name, rows in results.items()}
print(json.dumps({"rows": rows, "report": isolation(without=request["without"])}))
"""
LIMITS = {
    "cpu_seconds": 0.3,
    "wall_seconds": 3.0,
    "memory_mb": 128,
    "output_kb": 64,
    "max_timeouts": 2,
    "audit": 0.0,
    "require": "weak",
}


def as_user(*command: str, **settings: Any) -> "subprocess.CompletedProcess[str]":
    who = {"user": USER, "group": USER, "extra_groups": []} if RIGHTS else {}
    settings = {"cwd": "/", "env": {}, "capture_output": True, "text": True, "check": False, **who, **settings}
    return subprocess.run(command, **settings)


@pytest.fixture(scope="module")
def interpreter() -> str:
    """An interpreter that the user can start and that is new enough."""
    names = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")
    candidates = [
        sys.executable,
        *(str(Path(folder, name)) for folder in ("/usr/bin", "/usr/local/bin") for name in names),
    ]
    for path in candidates:
        try:
            if as_user(path, "-c", "import sys; sys.exit(sys.version_info < (3, 11))").returncode == 0:
                return path
        except OSError:
            continue
    pytest.skip(f"the user {USER} can start none of {', '.join(candidates)}: install one of the latter")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the user can read: pytest's own are root's."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def run(interpreter: str, folder: Path) -> Any:
    """Run jobs as the user; gives the outcomes by job as [status, value] and the report on isolation."""
    shutil.copytree(ROOT_FOLDER / "conself/sandbox", folder / "conself/sandbox", ignore=lambda *_: ["__pycache__"])

    def run_jobs(*jobs: dict[str, Any], **changes: Any) -> dict[str, Any]:
        request = {"jobs": jobs, "without": [], "workers": 1, "processes": 0, "limits": LIMITS, **changes}
        done = as_user(interpreter, "-B", "-c", SCRIPT, input=json.dumps(request), cwd=folder)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run_jobs


def job(name: str, programs: list[str], inputs: list[str], entry_point: str | None = "f") -> dict[str, Any]:
    return {"id": name, "programs": programs, "inputs": inputs, "entry_point": entry_point}


def test_programs_have_the_outcomes_that_they_have_as_root(run: Any) -> None:
    found = run(
        job("reaching out", [program for program, _ in REACHING_OUT.values()], ["(1,)", "(2,)"]),
        job("leaks", [program for program, _ in LEAKS.values()], LEAK_INPUTS),
        job("stdin", [program for program, _ in STDIN.values()], STDIN_INPUTS, None),
        job("innocent", ["def f(x): return x"], ["(1,)"]),
    )
    if "OFF" in found["report"].replace("namespaces OFF", ""):
        pytest.skip(f"a wall is missing here: {found['report']}")
    expected = {name: list(ends) for name, (_, ends) in REACHING_OUT.items()}
    hidden = [["exception", "PermissionError"], ["exception", "FileNotFoundError"]]
    for (name, ends), row in zip(expected.items(), found["rows"]["reaching out"], strict=True):
        assert (row[0] in hidden) if ends[0][1] == HIDDEN else (row == [list(end) for end in ends]), name
    assert found["rows"]["leaks"] == [[["ok", value]] * 3 for _, value in LEAKS.values()]
    assert found["rows"]["stdin"] == [[list(end) for end in ends] for _, ends in STDIN.values()]
    assert found["rows"]["innocent"] == [[["ok", "1"]]]


@pytest.mark.parametrize(
    "missing", [(), ("namespaces",), ("seccomp",), ("landlock",), ("namespaces", "seccomp", "landlock")]
)
def test_what_falls_without(missing: tuple[str, ...], run: Any, folder: Path) -> None:
    target = folder / "canaries"
    target.mkdir()
    with canaries(target, USER) as targets:
        found = run(job("probes", targets.programs(), ["(1,)"]), without=missing)
        if not set(re.findall(r"(\w+) OFF", found["report"])) <= set(missing):
            pytest.skip(f"other layers are missing here: {found['report']}")
        rows = zip(PROBES, found["rows"]["probes"], strict=True)
        through = {name for name, row in rows if row == [["ok", '"done"']]}
        assert through == FALLS[missing] - ROOT
        assert targets.traces() == through & TRACES


def test_a_program_with_all_the_threads_of_the_user_does_not_end_the_others(run: Any) -> None:
    greedy = (
        "import _thread, time\ndef f(x):\n try:\n  while True: _thread.start_new_thread(time.sleep, (9,))\n"
        " except RuntimeError: time.sleep(0.7)\n return x"
    )
    innocent = [f"def f(x): return [x] # {n}" for n in range(60)]
    found = run(job("a", [greedy], ["(1,)", "(2,)"]), job("b", innocent, ["(1,)"]), workers=2, processes=60)
    assert found["rows"]["a"] == [[["ok", "1"], ["ok", "2"]]]
    assert found["rows"]["b"] == [[["ok", "[1]"]]] * 60
