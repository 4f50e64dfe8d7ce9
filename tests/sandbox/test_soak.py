"""The soak at a fiftieth of its size, and that its watching sees what it is there to see."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.sandbox_soak import watch
from experiments.sandbox_soak.programs import INPUTS, PROGRAMS, Jobs, kind_of_hostile, place_of_hostile
from experiments.sandbox_soak.watch import Look, Process

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_twenty_thousand_executions_leave_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    command = [sys.executable, "-m", "experiments.sandbox_soak", "--executions", "20000", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    report = json.loads(out.read_text())
    assert all(report["checks"].values()), done.stdout
    assert done.returncode == 0
    assert report["executions"] >= 20_000
    assert report["soak"]["programs"] == PROGRAMS * report["hostile_programs"]
    assert report["hostile"]["time-out"]["timeout skipped"] == (INPUTS - 1) * report["hostile"]["time-out"]["timeout"]
    assert len(report["hostile"]) >= 20
    assert len(report["looks"]) >= 80
    assert len(report["processes"]) >= 3


def test_jobs_with_and_without_hostile_programs_have_the_same_innocent_ones() -> None:
    kinds = set()
    for number, (calm, mixed) in enumerate(zip(Jobs(200, False), Jobs(200, True), strict=True)):
        programs = list(mixed.programs)
        programs.pop(place_of_hostile(number))
        assert tuple(programs) == calm.programs
        assert len(set(mixed.programs)) == PROGRAMS
        assert (mixed.id, mixed.inputs, mixed.entry_point) == (calm.id, calm.inputs, calm.entry_point)
        assert len(mixed.inputs) == INPUTS
        kinds.add(kind_of_hostile(number))
    assert len(kinds) == 27


def test_a_process_below_is_seen_until_it_is_collected() -> None:
    before = watch.descendants()
    child = subprocess.Popen(["sleep", "60"])
    (name,) = set(watch.descendants()) - set(before)
    assert name[0] == child.pid
    assert watch.look(0.0, 0).below[name].memory > 0
    child.kill()
    deadline = time.monotonic() + 5
    while watch.look(0.0, 0).below.get(name, Process(0, None)).memory and time.monotonic() < deadline:
        time.sleep(0.01)
    assert name in watch.descendants()
    child.wait()
    assert watch.descendants() == before


def test_the_trusted_process_is_seen() -> None:
    own = watch.look(0.0, 0).own
    assert own.memory > 1000
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(10)]
    assert watch.look(0.0, 0).own.descriptors == (own.descriptors or 0) + 10
    for file in files:
        os.close(file)


def test_processes_that_last_are_told_from_those_that_pass() -> None:
    zygote, other, runner = Process(10, 3), Process(20, 4), Process(5, None)
    looks = [Look(0.0, n, Process(n, 1), {(7, 1): zygote, (9, 2): other, (100 + n, 5 + n): runner}) for n in range(8)]
    assert watch.lasting(looks) == [(7, 1), (9, 2)]
    lines = watch.series(looks)
    assert lines == {
        "trusted process": [Process(n, 1) for n in range(8)],
        "child 1": [zygote] * 8,
        "child 2": [other] * 8,
    }


@pytest.mark.parametrize(
    ("memory", "descriptors", "flat"),
    [
        ([500, 500, 1024, 1024, 1024, 1024, 1024, 1024], [9, 9, 3, 3, 3, 3, 3, 3], True),
        ([1024, 1024, 1024, 1024, 1024, 1024, 1070, 1070], [3] * 8, True),
        ([1024, 1024, 1024, 1024, 1024, 1024, 1080, 1080], [3] * 8, False),
        ([1024] * 8, [3, 3, 3, 3, 3, 3, 3, 4], False),
        ([1024] * 8, [None] * 8, True),
    ],
)
def test_flat_means_no_growth_after_the_first_quarter(
    memory: list[int], descriptors: list[int | None], flat: bool
) -> None:
    told = watch.judge([Process(m, d) for m, d in zip(memory, descriptors, strict=True)])
    assert told["flat"] is flat
    assert told["memory_mb"][0] == 1.0
