"""Memory as the kernel counts it."""

import subprocess
import sys
import time

import pytest

from conself.runtime.memory import free_bytes, held_bytes, peak_memory

MIB = 2**20
HOLD = "import sys; held = bytearray(200 * 2**20); print('held', flush=True); sys.stdin.read()"


def test_what_descendants_hold_counts_while_they_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conself.runtime.memory._SECONDS", 0.05)
    before = held_bytes()
    with peak_memory() as peak:
        parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}])"
        with subprocess.Popen(
            [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as grandparent:
            assert grandparent.stdout is not None
            grandparent.stdout.readline()
            time.sleep(0.3)
            assert held_bytes() - before > 190 * MIB
            grandparent.communicate()
    assert 190 * MIB < peak.bytes - before < 400 * MIB
    assert held_bytes() - before < 100 * MIB


def test_free_memory_is_no_more_than_the_machine_has() -> None:
    import os

    assert 0 < free_bytes() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_freed_blocks_are_reused_without_a_page_fault() -> None:
    code = (
        "import resource\n"
        "from conself.runtime.memory import keep_freed\n"
        "def touched():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    for _ in range(20):\n"
        "        (b'x' * (64 * 2**20))\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "plain = touched()\n"
        "keep_freed()\n"
        "touched()\n"
        "print(plain, touched())\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    plain, kept = map(int, ran.stdout.split())
    assert plain > 10_000
    assert kept < plain / 10
