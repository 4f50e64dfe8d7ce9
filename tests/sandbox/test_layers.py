"""What each layer of isolation holds: with some of them left out, which probes get through (see probes.py)."""

import os
import re
from pathlib import Path

import pytest

from conself.sandbox import Job, Limits, Outcome, Status, execute, isolation
from tests.sandbox.probes import FALLS, PROBES, RIGHTS, ROOT, TRACES, canaries

REPORT = isolation()
OFF = set(re.findall(r"(\w+) OFF", REPORT))
LAYERS = ("namespaces", "seccomp", "landlock", "rlimits", "no_new_privs", "capabilities")


def skip_unless_there_is(missing: tuple[str, ...]) -> None:
    """A machine that lacks a layer can only show what falls without it."""
    if not set(missing) >= OFF:
        pytest.skip(f"other layers are missing here: {REPORT}")


@pytest.mark.parametrize("missing", FALLS, ids=lambda missing: "+".join(missing) or "nothing")
def test_what_falls_without(missing: tuple[str, ...], tmp_path: Path) -> None:
    skip_unless_there_is(missing)
    limits = Limits(1.0, 5.0, 128, 64, 2, audit=0.0, require="weak")
    with canaries(tmp_path, os.geteuid()) as targets:
        (result,) = execute([Job("j", tuple(targets.programs()), "f", ("(1,)",))], limits, 1, missing)
        done = (Outcome(Status.OK, '"done"'),)
        through = {name for name, row in zip(PROBES, result.rows, strict=True) if row == done}
        assert through == FALLS[missing] - (set() if RIGHTS else ROOT)
        assert targets.traces() == through & TRACES


@pytest.mark.parametrize("layer", LAYERS)
def test_outcomes_are_the_same_without(layer: str) -> None:
    skip_unless_there_is((layer,))
    programs = ("def f(x): return x * 2", "def f(x): return 1 / 0", "import os\ndef f(x): os._exit(0)", "while True: 0")
    jobs = [Job("call", programs, "f", ("(1,)", "(2,)")), Job("stdin", ("print(input() * 2)",), None, ("a\n", "b\n"))]
    limits = Limits(0.1, 5.0, 128, 64, 2, require="weak")
    assert list(execute(jobs, limits, 1, {layer})) == list(execute(jobs, limits, 1))
