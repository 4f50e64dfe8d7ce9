"""The walls themselves: levels, layers, namespaces, and what is left where the kernel refuses some of them."""

import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conself.sandbox import Job, Limits, Outcome, Status, execute, isolation
from conself.sandbox.walls import LAYERS
from conself.sandbox.worker import Worker

LIMITS = Limits(1.0, 10.0, 256, 64, 2, require="weak")
HAS_NAMESPACES = "namespaces on" in isolation()
needs_namespaces = pytest.mark.skipif(not HAS_NAMESPACES, reason="the kernel refuses namespaces")


def run_one(program: str, *inputs: str, **settings: Any) -> tuple[Outcome, ...]:
    (result,) = execute([Job("j", (program,), "f", inputs or ("(1,)",))], LIMITS, 1, **settings)
    return result.rows[0]


# --- levels and layers ----------------------------------------------------------------------------------------------


def test_report_names_the_level_and_every_layer() -> None:
    report = isolation()
    assert report.split(":")[0] in ("weak", "standard", "strong")
    positions = [report.index(f"{layer} ") for layer in LAYERS]
    assert positions == sorted(positions)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_that_is_left_out_is_reported_and_programs_run(layer: str) -> None:
    report = isolation(without={layer})
    assert f"{layer} OFF" in report
    if "OFF" not in isolation():
        assert report.count("OFF") == 1
        assert report.split(":")[0] == ("standard" if layer in ("namespaces", "landlock") else "weak")
    assert run_one("def f(x): return x + 1", without={layer}) == (Outcome(Status.OK, "2"),)


@pytest.mark.parametrize(
    ("without", "files"),
    [
        ((), "landlock"),
        (("landlock",), "mounts"),
        (("landlock", "namespaces"), "no opening"),
        (("landlock", "namespaces", "seccomp"), "OPEN"),
    ],
)
def test_files_are_confined_in_one_way_or_another(without: tuple[str, ...], files: str) -> None:
    if "OFF" in isolation():
        pytest.skip("a wall is missing")
    assert isolation(without=without).endswith(f"files: {files}")
    (outcome,) = run_one("def f(x): return len(open('/etc/passwd').read()) > 0", without=without)
    assert outcome.status is (Status.OK if files == "OPEN" else Status.EXCEPTION)


def test_all_layers_off_still_runs() -> None:
    assert run_one("def f(x): return x", without=LAYERS) == (Outcome(Status.OK, "1"),)


def test_a_runner_that_could_fork_leaves_nothing_behind() -> None:
    if not HAS_NAMESPACES:
        pytest.skip("the kernel refuses namespaces")
    program = "import os, time\ndef f(x):\n if os.fork() == 0: time.sleep(60)\n return x"
    before = set(descendants(os.getpid()))  # other tests' helpers
    assert run_one(program, "(1,)", "(2,)", without={"seccomp"}) == (Outcome(Status.OK, "1"), Outcome(Status.OK, "2"))
    assert set(descendants(os.getpid())) <= before


# --- namespaces -----------------------------------------------------------------------------------------------------


def parents() -> dict[int, int]:
    """Process id to parent's id, of every process that is not a zombie."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state not in "ZX":
            found[int(path.parent.name)] = int(parent)
    return found


def descendants(process: int) -> set[int]:
    """All processes below one."""
    table = parents()
    found, new = set[int](), {process}
    while new:
        new = {child for child, parent in table.items() if parent in new}
        found |= new
    return found


def wait_until_gone(processes: set[int], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while left := processes & parents().keys():
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.02)


@pytest.fixture
def busy_zygote() -> Iterator[subprocess.Popen[bytes]]:
    """A process that executes a program which sleeps, in a worker."""
    script = (
        "from conself.sandbox import *\n"
        "job = Job('j', ('import time\\ndef f(x): time.sleep(60)',), 'f', ('(1,)',))\n"
        "list(execute([job], Limits(50.0, 90.0, 256, 64, 2, require='weak'), 1))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while len(descendants(process.pid)) < (3 if HAS_NAMESPACES else 2):  # waiter, zygote, runner
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield process
    process.kill()
    process.communicate()


@needs_namespaces
def test_namespace_ends_with_its_waiter(busy_zygote: subprocess.Popen[bytes]) -> None:
    (waiter,) = [child for child, parent in parents().items() if parent == busy_zygote.pid]
    below = descendants(waiter)
    assert len(below) == 2
    os.kill(waiter, signal.SIGKILL)
    wait_until_gone(below, 1.0)


def test_everything_ends_with_the_trusted_process(busy_zygote: subprocess.Popen[bytes]) -> None:
    below = descendants(busy_zygote.pid)
    busy_zygote.kill()
    wait_until_gone(below, 5.0)


@needs_namespaces
def test_waiter_ends_as_the_zygote_did() -> None:
    worker = Worker(LIMITS, ())
    try:
        waiter = worker._process
        deadline = time.monotonic() + 20
        while worker.report is None:  # before, the process that prepares the namespaces is there as well
            assert time.monotonic() < deadline
            list(worker.read())
            time.sleep(0.02)
        (inside,) = descendants(waiter.pid)
        os.kill(inside, signal.SIGKILL)
        assert waiter.wait(5) == 128 + signal.SIGKILL
    finally:
        worker.close()


@needs_namespaces
def test_nothing_is_mounted_outside(busy_zygote: subprocess.Popen[bytes]) -> None:
    own = Path("/proc/self/mounts").read_bytes()
    assert isolation().startswith("strong")
    assert Path("/proc/self/mounts").read_bytes() == own
    assert Path(f"/proc/{busy_zygote.pid}/mounts").read_bytes() == own


@needs_namespaces
def test_inside_there_is_nobody_and_nothing_else() -> None:
    program = (
        "import os\n"
        "def f(x):\n"
        " found = [os.path.exists(path) for path in ('/proc', '/tmp', '/home', '/sys')]\n"
        " ids = os.getppid(), os.getuid(), os.getgid()\n"
        " return sorted(os.listdir('/dev')), found, *ids, os.uname().nodename, os.listdir('/etc')\n"
    )
    (outcome,) = run_one(program, without={"landlock"})
    devices = '["null","random","urandom","zero"]'
    assert outcome.value.startswith(f'{{"t":[{devices},[false,false,false,false],1,1000,1000,"sandbox",[')
    for name in ("passwd", "shadow", "hostname"):
        assert name not in outcome.value


@needs_namespaces
def test_only_the_libraries_can_be_seen_and_nothing_changed() -> None:
    program = (
        "import os, errno\n"
        "def f(path):\n"
        " try: os.close(os.open(path, os.O_CREAT | os.O_WRONLY)); return 'written'\n"
        " except OSError as error: return errno.errorcode[error.errno]\n"
    )
    library = os.path.join(os.path.dirname(os.__file__), "os.py")
    inputs = [repr((path,)) for path in ("/new", "/etc/new", "/dev/new", f"{library}.new", library, __file__)]
    values = [outcome.value for outcome in run_one(program, *inputs, without={"landlock", "seccomp"})]
    assert values == ['"EROFS"'] * 5 + ['"ENOENT"']


@pytest.mark.alone
@needs_namespaces
def test_namespaces_cost_little_at_the_start() -> None:
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(5):
        for inside, times in seconds.items():
            start = time.perf_counter()
            isolation(without=() if inside else {"namespaces"})
            times.append(time.perf_counter() - start)
    assert statistics.median(seconds[True]) < 2 * statistics.median(seconds[False])


# --- descriptors ----------------------------------------------------------------------------------------------------


def test_descriptors_of_a_busy_trusted_process_do_not_get_in() -> None:
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(100)]
    try:
        program = (
            "import os\ndef f(x):\n found = []\n for n in range(1000):\n"
            "  try: os.fstat(n); found.append(n)\n  except OSError: pass\n return found"
        )
        assert run_one(program) == (Outcome(Status.OK, "[0,1,2,63]"),)
    finally:
        for descriptor in held:
            os.close(descriptor)


def test_worker_ends_by_itself_and_its_time_is_counted() -> None:
    before = os.times()
    worker = Worker(LIMITS, ())
    worker.close()
    after = os.times()
    assert after.children_user + after.children_system > before.children_user + before.children_system


# --- kernels that refuse --------------------------------------------------------------------------------------------

REFUSING = """
import ctypes, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
program = [(0x20, 0, 0, 0)]
for number, error, flags in {calls!r}:
    verdict = (0x06, 0, 0, 0x50000 | error)
    flagged = [(0x20, 0, 0, 16), (0x45, 0, 1, flags), verdict, (0x06, 0, 0, 0x7FFF0000)]  # of the first argument
    body = flagged if flags else [verdict]
    program += [(0x15, 0, len(body), number), *body]
code = b"".join(struct.pack("<HBBI", *each) for each in [*program, (0x06, 0, 0, 0x7FFF0000)])
class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(code) // 8, code)), 0, 0) == 0
from conself.sandbox import Job, Limits, execute, isolation
print(isolation())
source = "import heapq, threading\\ndef f(x):\\n t = threading.Thread(target=print); t.start(); t.join(); return x"
secret = "def f(x): return open('/etc/passwd').read()"
limits = Limits(1.0, 10.0, 256, 64, 2, require="weak")
for result in execute([Job("j", (source, secret), "f", ("(1,)", "(2,)"))], limits, 1):
    print([[str(outcome.status) for outcome in row] for row in result.rows])
"""
X86_OR_ARM = ("x86_64", "aarch64")
NUMBERS = {
    "unshare": (272, 97),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "close_range": (436, 436),
    "pivot_root": (155, 41),
}


def run_refusing(errors: dict[str, int], flags: int = 0) -> tuple[str, str]:
    """The report, and the statuses of an innocent and of a curious program, where the kernel refuses some calls.

    With ``flags``, only if one of these bits is set in the first argument.
    """
    column = X86_OR_ARM.index(platform.machine())
    calls = [(NUMBERS[name][column], error, flags) for name, error in errors.items()]
    script = REFUSING.format(calls=calls)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    report, statuses = done.stdout.splitlines()
    return report, statuses


# what refuses: the calls with their errors, how files are confined, the layers that are off
REFUSALS: dict[str, tuple[dict[str, int], str, tuple[str, ...]]] = {
    "container": ({"unshare": 1, "mount": 1}, "landlock", ("namespaces",)),
    "user namespaces without rights": ({"mount": 13}, "landlock", ("namespaces",)),
    "root file system that cannot be left": ({"pivot_root": 22}, "landlock", ("namespaces",)),
    "Linux 5.11": ({"mount_setattr": 38, "landlock_create_ruleset": 38}, "no opening", ("namespaces", "landlock")),
    "no Landlock": ({"landlock_create_ruleset": 38}, "mounts", ("landlock",)),
    "Landlock switched off": ({"landlock_create_ruleset": 95}, "mounts", ("landlock",)),
    "Landlock that fails late": ({"landlock_restrict_self": 1}, "mounts", ("landlock",)),
    "old container": ({"unshare": 1, "landlock_create_ruleset": 1}, "no opening", ("namespaces", "landlock")),
    "Linux 5.8": (
        {"unshare": 1, "landlock_create_ruleset": 38, "close_range": 38},
        "no opening",
        ("namespaces", "landlock"),
    ),
}


needs_all = pytest.mark.skipif(
    platform.machine() not in X86_OR_ARM or "OFF" in isolation(), reason="a wall is missing anyway"
)


@needs_all
@pytest.mark.parametrize("name", REFUSALS)
def test_where_the_kernel_refuses_a_call(name: str) -> None:
    errors, files, off = REFUSALS[name]
    report, statuses = run_refusing(errors)
    assert report.startswith("standard: ")
    assert report.endswith(f"files: {files}")
    assert [layer for layer in LAYERS if f"{layer} OFF" in report] == list(off)
    assert statuses == "[['ok', 'ok'], ['exception', 'exception']]"


@needs_all
@pytest.mark.skipif(os.geteuid() != 0, reason="for root, who needs no user namespace")
def test_root_has_namespaces_where_those_of_users_are_switched_off() -> None:
    report, statuses = run_refusing({"unshare": 28}, flags=0x10000000)  # ENOSPC for CLONE_NEWUSER
    assert report.startswith("strong: ")
    assert statuses == "[['ok', 'ok'], ['exception', 'exception']]"
