"""Looking at this process and all below it from outside, through /proc."""

import ctypes
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

_SUBREAPER = 36
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
GROWTH = 0.05  # memory is flat if the last quarter's mean is at most so much above the second quarter's


@dataclass(frozen=True, slots=True)
class Process:
    """One process at one moment: resident memory in KiB, and open descriptors (None: the kernel does not tell)."""

    memory: int
    descriptors: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """All processes at one moment, by (pid, start time); the trusted process is the one named ``own``."""

    seconds: float
    executions: int
    own: Process
    below: dict[tuple[int, int], Process]


def adopt() -> None:
    """From now on what outlives its parent below this process becomes its child, and so is not overlooked."""
    if ctypes.CDLL(None).prctl(_SUBREAPER, ctypes.c_ulong(1)) != 0:
        raise OSError("prctl(PR_SET_CHILD_SUBREAPER) refused")


def descendants() -> list[tuple[int, int]]:
    """Every process below this one, zombies too, as (pid, start time)."""
    children: dict[int, list[tuple[int, int]]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        children.setdefault(int(fields[1]), []).append((int(folder.name), int(fields[19])))
    found, todo = [], [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += [pid for pid, _ in below]
    return found


def look(seconds: float, executions: int) -> Look:
    """All processes as they are now."""
    below = {name: process for name in descendants() if (process := _process(name[0])) is not None}
    own = _process(os.getpid())
    assert own is not None
    return Look(seconds, executions, own, below)


def _process(pid: int) -> Process | None:
    try:
        memory = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KB
    except (OSError, IndexError):
        return None
    try:
        return Process(memory, len(os.listdir(f"/proc/{pid}/fd")))
    except OSError:
        return Process(memory, None)


def lasting(looks: Sequence[Look]) -> list[tuple[int, int]]:
    """The processes that serve, and are not gone with one program: those in more than half of the looks, by age."""
    seen = Counter(name for one in looks for name in one.below)
    return sorted((name for name, count in seen.items() if 2 * count > len(looks)), key=lambda name: name[::-1])


def series(looks: Sequence[Look]) -> dict[str, list[Process]]:
    """The trusted process and those that last, each from its first look to its last."""
    below = {f"child {i + 1}": [o.below[n] for o in looks if n in o.below] for i, n in enumerate(lasting(looks))}
    return {"trusted process": [one.own for one in looks], **below}


def judge(line: Sequence[Process]) -> dict[str, Any]:
    """Means over the second and the last quarter of a process's life: ``flat`` is the verdict on memory."""
    size = max(1, len(line) // 4)
    second, last = line[size : 2 * size] or line, line[-size:]
    memory = [mean(process.memory for process in part) for part in (second, last)]
    counts = [[p.descriptors for p in part if p.descriptors is not None] for part in (second, last)]
    return {
        "memory_mb": [round(value / 1024, 2) for value in memory],
        "descriptors": [max(count) if count else None for count in counts],
        "flat": memory[1] <= (1 + GROWTH) * memory[0] and max(counts[1], default=0) <= max(counts[0], default=0),
    }
