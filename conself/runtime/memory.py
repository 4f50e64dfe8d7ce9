"""Free memory, and a job's peak memory."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from conself.sandbox.terminal import every

_SECONDS = 1.0
"""Seconds between two measurements: shorter peaks may be missed."""


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of options in malloc.h."""


@dataclass
class Peak:
    """The most bytes seen so far."""

    bytes: int = 0


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the peak of main memory of this process and its descendants together, while the block runs."""
    peak = Peak()

    def look() -> None:
        peak.bytes = max(peak.bytes, held_bytes())

    look()
    with every(_SECONDS, look):
        yield peak
    look()


def held_bytes() -> int:
    """Return the bytes of main memory that this process and its descendants hold; shared memory counts once."""
    own, shared = 0, [0]
    this_process = psutil.Process()
    for process in [this_process, *this_process.children(recursive=True)]:
        with suppress(psutil.Error):  # it has ended since
            memory = process.memory_info()
            together = getattr(memory, "shared", 0)  # Linux tells them apart
            own += memory.rss - together
            shared.append(together)
    return own + max(shared)


def keep_freed() -> None:
    """Let this process reuse what it frees: a decoder takes and frees large blocks at every token.

    Only glibc's malloc is configured; :func:`return_freed` still returns all.
    """
    if hasattr(libc := ctypes.CDLL(None), "mallopt"):
        for option in _MMAP_THRESHOLD, _TRIM_THRESHOLD:
            libc.mallopt(option, 2**30)


def return_freed() -> None:
    """Return the freed memory that glibc's malloc keeps to the kernel."""
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def free_bytes() -> int:
    """Return the bytes that the kernel and a container's limit leave to processes."""
    free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) * 1024
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    text = limit.read_text().strip() if limit.is_file() else "max"
    return free if text == "max" else min(free, int(text) - (int(used.read_text()) if used.is_file() else 0))
