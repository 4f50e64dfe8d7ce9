"""One million executions, 5 % of the programs hostile, against the same ones without the hostile.

``python -m experiments.sandbox_soak`` writes results.json beside this file and ends with code 1 if a check failed:
memory and descriptors flat, no process, file or descriptor left, no outcome of an innocent program changed.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conself.runtime.console import new_console
from conself.runtime.places import check_file
from conself.runtime.progress import Meter
from conself.sandbox import Limits, Outcome, Summary, execute, isolation
from conself.sandbox.terminal import answer_interrupts
from experiments.sandbox_soak import watch
from experiments.sandbox_soak.programs import CANARY, INPUTS, PROGRAMS, Jobs, kind_of_hostile, place_of_hostile

HERE = Path(__file__).parent
LIMITS = Limits(cpu_seconds=0.2, wall_seconds=10.0, memory_mb=64, output_kb=64, max_timeouts=1)
LOOKS = 120  # in each run
_DIGEST = 16


@dataclass(frozen=True)
class Run:
    """One pass over all jobs: ``digests`` of the innocent programs' outcomes, 16 bytes per job."""

    seconds: float
    summary: Summary
    digests: bytes
    hostile: dict[str, Counter[str]]
    looks: list[watch.Look]


def run(count: int, with_hostile: bool, workers: int) -> Run:
    """Run the jobs, with or without the hostile programs, in memory that does not grow with their number."""
    digests, hostile, looks = bytearray(count * _DIGEST), dict[str, Counter[str]](), list[watch.Look]()
    summary, start = Summary(), time.monotonic()
    label = "with hostile" if with_hostile else "control"
    with Meter(new_console(stderr=True), label, count, "jobs", "executions") as meter:
        for done, result in enumerate(execute(Jobs(count, with_hostile), LIMITS, workers), 1):
            number, rows = int(result.job.id), list(result.rows)
            if with_hostile:
                row = rows.pop(place_of_hostile(number))
                hostile.setdefault(kind_of_hostile(number), Counter()).update(map(_told, row))
            digests[number * _DIGEST : (number + 1) * _DIGEST] = hashlib.sha256(repr(rows).encode()).digest()[:_DIGEST]
            summary += Summary.of(result)
            meter.add(1, Summary.of(result).executions)
            if done % max(1, count // LOOKS) == 0:
                looks.append(watch.look(round(time.monotonic() - start, 1), summary.executions))
    return Run(time.monotonic() - start, summary, bytes(digests), hostile, looks)


def _told(outcome: Outcome) -> str:
    name = outcome.value if outcome.status in ("exception", "timeout") else ""
    return f"{outcome.status.value} {name}".strip()


def measure(executions: int, workers: int) -> dict[str, Any]:
    """Both runs and all checks, as plain data."""
    watch.adopt()
    count = -(-executions // (PROGRAMS * INPUTS))
    descriptors = len(os.listdir("/proc/self/fd"))
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder  # whatever the sandbox may leave is found there
        control = run(count, with_hostile=False, workers=workers)
        soak = run(count, with_hostile=True, workers=workers)
        tempfile.tempdir = None
        files = sorted(os.listdir(folder)) + [str(path) for path in _canaries()]
    changed = [n for n in range(count) if _digest(control, n) != _digest(soak, n)]
    looks = soak.looks[len(soak.looks) // 20 :]  # without the start
    processes = {name: watch.judge(line) for name, line in watch.series(looks).items()}
    checks = {
        "innocent outcomes are those of the control": not changed,
        "memory and descriptors are flat": all(process["flat"] for process in processes.values()),
        "no process is left": not watch.descendants(),
        "no file is left": not files,
        "no descriptor is left": len(os.listdir("/proc/self/fd")) == descriptors,
        "the same processes served from start to end": len(watch.lasting(looks)) >= workers
        and all(name in looks[0].below and name in looks[-1].below for name in watch.lasting(looks)),
        "every program ran on every input": soak.summary.executions == count * PROGRAMS * INPUTS,
    }
    return {
        "executions": soak.summary.executions,
        "hostile_programs": count,
        "workers": workers,
        "isolation": str(isolation(LIMITS)),
        "checks": checks,
        "changed_jobs": changed[:20],
        "left_files": files[:20],
        "soak": _figures(soak),
        "control": _figures(control),
        "processes": processes,
        "hostile": {kind: dict(sorted(found.items())) for kind, found in sorted(soak.hostile.items())},
        "look": "seconds, executions, processes below this one; then MiB and descriptors of each named above",
        "looks": [_row(look, watch.lasting(looks)) for look in soak.looks],
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def _digest(run: Run, number: int) -> bytes:
    return run.digests[number * _DIGEST : (number + 1) * _DIGEST]


def _row(look: watch.Look, lasting: list[tuple[int, int]]) -> list[float | None]:
    processes = [look.own, *(look.below[name] for name in lasting if name in look.below)]
    told = [value for process in processes for value in (round(process.memory / 1024, 2), process.descriptors)]
    return [look.seconds, look.executions, len(look.below), *told]


def _canaries() -> list[Path]:
    return [path for folder in {Path("/tmp"), Path.cwd(), Path.home()} for path in folder.glob(f"{CANARY}*")]


def _figures(run: Run) -> dict[str, Any]:
    return {
        "seconds": round(run.seconds, 1),
        "executions_per_second": round(run.summary.executions / run.seconds),
        "most_processes": max(len(look.below) for look in run.looks),
        **run.summary.as_dict(),
    }


def main() -> int:
    """Run, write results.json, print the figures; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    answer_interrupts()
    try:
        check_file(options.out, "--out")
    except OSError as error:
        parser.error(str(error))
    report = measure(options.executions, options.workers)
    text = re.sub(
        r"\[\s+([-\d.,\snul]+?)\s+\]", lambda match: f"[{' '.join(match[1].split())}]", json.dumps(report, indent=1)
    )
    options.out.write_text(text + "\n")  # a list of numbers on one line
    for name in ("control", "soak"):
        figures = report[name]
        print(f"{name}: {figures['executions']:,} executions, {figures['executions_per_second']:,} per second")
    for name, process in report["processes"].items():
        print(f"{name}: MiB {process['memory_mb']}, descriptors {process['descriptors']}")
    for name, holds in report["checks"].items():
        print(f"{'ok' if holds else 'FAILED'}: {name}")
    return 0 if all(report["checks"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
